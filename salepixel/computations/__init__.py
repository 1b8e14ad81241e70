"""Computations: reports and files that take long, made by the worker in steps, and kept for a while."""
