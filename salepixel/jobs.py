"""How the plugin and the worker meet: jobs by name, ids only. A job is a doorbell, never a store.

A lost job costs time, not data: the sweep finds the row that was to be worked on within a minute.
"""

QUEUE = "salepixel"

FOLD = "salepixel_worker.jobs.fold"
RECONCILE = "salepixel_worker.jobs.reconcile"
FORWARD = "salepixel_worker.jobs.forward"
SWEEP = "salepixel_worker.jobs.sweep"

ALLOWED = frozenset({FOLD, RECONCILE, FORWARD, SWEEP})
"""What a worker runs. A name found in Redis is imported by RQ, so any other is refused."""
