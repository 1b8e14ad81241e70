"""The plugin: the web server for shops, API clients and users."""
