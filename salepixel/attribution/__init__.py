"""Which click earned an order: evidence, decision, sales."""
