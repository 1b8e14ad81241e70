"""The database: opening, tables, migrations, and helpers for statements.

The caller owns the transaction. SQLite and PostgreSQL run the same statements.
"""
