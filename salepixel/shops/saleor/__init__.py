"""Saleor: how it signs, how it writes an order, how it is asked."""
