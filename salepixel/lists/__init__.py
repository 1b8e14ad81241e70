"""Lists: CSV files of contacts or recipients, which people upload and the worker imports in steps."""
