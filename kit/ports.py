"""Ports for programs that are started next."""

import atexit
import socket
from contextlib import ExitStack

_kept = ExitStack()
atexit.register(_kept.close)


def free_port(preferred: int = 0) -> int:
    """This port if nobody listens on it, else any other; given to nobody else while this process lives.

    The socket stays bound and does not listen. So the kernel gives its port to no other program that asks
    for any, and to no outgoing connection; a server that sets SO_REUSEADDR, as ours do, may listen there
    all the same (socket(7)).
    """
    for port in (preferred, 0):
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(("127.0.0.1", port))
        except OSError:
            bound.close()
            continue
        _kept.enter_context(bound)
        return int(bound.getsockname()[1])
    raise OSError("no free port")
