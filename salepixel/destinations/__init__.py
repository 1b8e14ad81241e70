"""Where sales are forwarded to."""
