"""Measures the attribution: plays a seeded world of contacts and browsers on a real stack, and scores it."""
