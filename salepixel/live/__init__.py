"""What happens in an account right now, and trials: one click and one purchase, followed step by step."""
