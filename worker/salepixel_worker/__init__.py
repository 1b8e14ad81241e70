"""The worker: folds clicks, reconciles orders, forwards sales, sweeps for lost work."""
