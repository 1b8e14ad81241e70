"""Free ports for programs that are about to start."""

import atexit
import socket
from contextlib import ExitStack

_kept = ExitStack()
atexit.register(_kept.close)


def free_port(preferred: int = 0) -> int:
    """This port if it is free, or else any other; reserved while this process lives.

    The socket stays bound and does not listen. So the kernel gives its port neither to another program that
    asks for any port, nor to an outgoing connection. A server that sets SO_REUSEADDR, like ours, can still
    listen on it (socket(7)).
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
