"""Shops: one contract, a folder for each platform, and shops as stored."""
