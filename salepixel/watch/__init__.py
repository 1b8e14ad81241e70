"""Watches the installation: the canary of each account, and alerts, sent once at their begin and end."""
