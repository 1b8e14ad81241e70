"""Orders: what a shop reports, which amounts count, and the queue of orders to decide."""
