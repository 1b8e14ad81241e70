"""The connector for Saleor: signatures, orders, calls to its API."""
