"""The plugin: what shops and people talk to."""
