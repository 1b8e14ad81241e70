"""Attribution of orders to clicks: evidence, decisions, sales."""
