"""Redis, and calls to other hosts."""
