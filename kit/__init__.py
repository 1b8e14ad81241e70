"""Plays a shop and its people through the real doors, for the demo, the tests, the truth and the bench."""
