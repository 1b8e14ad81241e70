"""Clicks and pixel hits: tokens, records, verdicts, store."""
