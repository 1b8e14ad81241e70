"""E-mail platforms: one file for each, all of the same shape, and what we derive from all of them.

`platform.py` has the shape, `forms.py` the ways to write merge tags, `known.py` the list. `tags.py` finds
merge tags in addresses and references. The edge imports this room, so it imports nothing but
the standard library.
"""
