"""Measured truth: a seeded world of contacts and browsers plays through the real doors and is scored."""
