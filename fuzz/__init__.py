"""Random tests that run for as long as one likes: `make fuzz`."""
