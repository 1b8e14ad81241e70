"""Starts the edge: RSGI on granian."""

import os
import sys

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server

from salepixel.keys import BadKeys, load_keys
from salepixel.processes import allow_stopping, hold_stopping
from salepixel.settings import BadSettings, EdgeSettings, environment

MAX_HEAD_BYTES = 16 * 1024
HEAD_SECONDS = 10


def main() -> None:
    """Serve; exits 2 with a line per problem when the settings cannot be used."""
    try:
        settings = EdgeSettings.load(environment())
        load_keys(settings.keys_file)
    except (BadSettings, BadKeys) as problem:
        print(problem, file=sys.stderr)  # noqa: T201  # the terminal is where one looks
        sys.exit(2)
    # So that a child has them held from its first moment on; it lets them in when it can heed them.
    os.register_at_fork(before=hold_stopping, after_in_parent=allow_stopping)
    Server(
        "salepixel_edge.app:create",
        address=settings.host,
        port=settings.edge_port,
        interface=Interfaces.RSGI,
        factory=True,
        workers=settings.edge_workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000, max_buffer_size=MAX_HEAD_BYTES),
        websockets=False,
        backlog=4096,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=15,
    ).serve()


if __name__ == "__main__":
    main()
