"""How each kind of shop signs and writes orders, on deliveries recorded from a real Saleor."""
