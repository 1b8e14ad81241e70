"""Threads for accounts: one for each account at a time, and few at once."""

import threading
from collections.abc import Callable, Iterable

import structlog

AT_ONCE = 4
"""How many accounts are worked for at the same time."""

log = structlog.get_logger()


class AccountThreads:
    """Works for several accounts at once, so that a slow host of one account does not delay the others.

    The work is in rows, which stay due: there is no queue here.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._running: dict[int, threading.Thread] = {}

    def begin(self, due: Iterable[int], task: Callable[[int], object]) -> list[threading.Thread]:
        """Start the task for each account that has no thread, while fewer than AT_ONCE run.

        `due`: accounts, those that wait longest first. Returns the new threads.
        """

        def run(emp_id: int) -> None:
            try:
                task(emp_id)
            except Exception:
                log.exception("work_failed", of=self._name, emp_id=emp_id)

        for emp_id in [known for known, thread in self._running.items() if not thread.is_alive()]:
            del self._running[emp_id]
        free = [emp_id for emp_id in due if emp_id not in self._running][: AT_ONCE - len(self._running)]
        for emp_id in free:
            # A daemon: the end of the process does not wait for a slow host.
            self._running[emp_id] = threading.Thread(target=run, args=(emp_id,), name=self._name, daemon=True)
            self._running[emp_id].start()
        return [self._running[emp_id] for emp_id in free]
