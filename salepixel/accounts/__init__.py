"""Accounts, their keys and settings."""
