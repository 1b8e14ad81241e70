"""Reading what shops and browsers send: pure, light, and the same for every door (docs/adr/0017).

Text, amounts, quantities, currencies and order numbers. The edge imports this for each pixel hit: no Babel,
no SQLAlchemy, and plain values take an early exit.
"""
