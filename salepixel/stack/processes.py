"""Child processes that do not outlive their parent, so that a killed service leaves nothing behind."""

import multiprocessing
import os
import signal
import threading
import time


def end_with_parent(poll_seconds: float = 0.5, forked_by: int = 0) -> None:
    """Make this process send itself SIGTERM when the process that started it is gone.

    `forked_by`: its id, for a process that was not started by multiprocessing.
    """
    started_by = multiprocessing.parent_process()
    # The parent may be gone already: who adopted us is not it.
    parent = forked_by or (started_by and started_by.pid) or os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(poll_seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


_STOPPING = (signal.SIGTERM, signal.SIGINT)


def hold_stopping() -> None:
    """Have SIGTERM and SIGINT wait until `allow_stopping`.

    While a server's process starts, they would be lost: at first it has its parent's handlers, and then
    those of an event loop that does not run yet (uvloop drops a signal that comes before it runs).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


def allow_stopping() -> None:
    """Have SIGTERM and SIGINT come through, also those that came meanwhile."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
