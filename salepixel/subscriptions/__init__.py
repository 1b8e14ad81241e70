"""Reports by e-mail: who gets which, when they are due, what they say, and how they are sent."""
