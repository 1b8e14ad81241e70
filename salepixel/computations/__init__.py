"""Computations: slow reports and files. The worker computes them in steps, and stores them for a day."""
