"""Tests of the plugin, by entry point."""
