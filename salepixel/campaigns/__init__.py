"""Campaigns, links, contacts, coupons, recipients."""
