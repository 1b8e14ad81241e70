"""Orders: what a shop reports, what of it counts, and the queue of those to decide."""
