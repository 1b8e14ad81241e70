"""Tests of the Saleor app, on deliveries recorded from a real Saleor and from a stand-in."""
