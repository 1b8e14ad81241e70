"""Tests of the plugin, door by door."""
