"""Parsers for input from shops and browsers: pure, and the same for all sources (docs/adr/0017).

Text, amounts, quantities, currencies, order numbers, hosts and contact references. The edge runs them for
each request: so they are fast for plain values, and import neither Babel nor SQLAlchemy.
"""
