"""What is kept of a person, how it is given to them, and how it ends."""
