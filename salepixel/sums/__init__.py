"""Kept sums: totals for reports, updated in the same transaction as their rows.

Pages read sums, and rows by their key. They never count clicks, sales or orders. "Ended" rows are those that
retention has deleted: they stay in the totals.
docs/adr/0035-kept-sums.md has the reasons. There is one module per subject (`clicks.py`, ...), and all have
the same shape:

* `sums_of(rows)` is pure: it returns the cells of some rows, as `kept.Cells` (key -> measures).
* `add(connection, before, after)` is called after the rows were written, in the same transaction, with the
  old and new values of the changed rows. It adds the difference, and writes nothing if there is none.
* `SUM` (`kept.KeptSum`) names the table and its `definition`: a SELECT over the rows that gives the same
  cells. It is written independently of `sums_of`, so that `rebuild --verify` compares two ways of counting
  (`check.py`).
* The other functions read sums for pages.

The tables are in `salepixel/storage/schema/sums.py`. The last part of a key is `slot` (`slots.py`), so that
concurrent writers on PostgreSQL do not wait for each other at one row. Readers always SUM over the slots.

A new sum: a table there, a migration that fills it, a module here, a line in `check.SUMS`.
"""
