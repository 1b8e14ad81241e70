"""Plays a shop and its contacts through the real services, for demo, tests, truth and bench."""
