"""Child processes that end with their parent, so that a killed service leaves no processes behind."""

import multiprocessing
import os
import signal
import threading
import time


def end_with_parent(poll_seconds: float = 0.5, forked_by: int = 0) -> None:
    """Make this process send itself SIGTERM after its parent process has ended.

    `forked_by`: the parent's id, if this process was not started by multiprocessing.
    """
    started_by = multiprocessing.parent_process()
    # Not os.getppid() first: if the parent has ended already, that is the process that adopted us.
    parent = forked_by or (started_by and started_by.pid) or os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(poll_seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


_STOPPING = (signal.SIGTERM, signal.SIGINT)


def block_stop_signals() -> None:
    """Block SIGTERM and SIGINT until `allow_stop_signals`.

    Otherwise they would be lost while a server's process starts: first it has its parent's handlers, then
    those of an event loop that does not run yet (uvloop drops signals that arrive before it runs).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


def allow_stop_signals() -> None:
    """Deliver SIGTERM and SIGINT again, including those that were blocked."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
