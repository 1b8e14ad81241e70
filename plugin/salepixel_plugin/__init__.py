"""The plugin: the server for shops, programs and people."""
