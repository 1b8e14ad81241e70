"""Reading what shops and browsers send: pure, light, and the same for every door (docs/adr/0017).

Text, amounts, quantities, currencies, order numbers, hosts and contact references. The edge imports this
for each request: no Babel, no SQLAlchemy, and plain values take an early exit.
"""
