"""The world of the demo."""
