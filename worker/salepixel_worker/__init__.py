"""The worker: folds clicks, reconciles orders, forwards sales, sweeps what was lost."""
