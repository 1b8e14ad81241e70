"""Random tests that run for as long as you like: `make fuzz`."""
