"""The database: tables, and functions named as sentences that take a Connection.

The caller owns the transaction. SQLite and PostgreSQL run the same statements.
"""
