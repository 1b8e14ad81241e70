"""The demo: a sample campaign through the real services."""
