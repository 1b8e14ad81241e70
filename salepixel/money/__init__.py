"""Amounts, quantities and exchange rates."""
