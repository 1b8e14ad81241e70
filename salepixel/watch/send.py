"""A process that sends one message through apprise, and ends: `python -m salepixel.watch.send`.

apprise calls other hosts itself, so it cannot use wire/outgoing.py. Here, an audit hook of Python sees each
connection of the process after the name was resolved, and refuses addresses that outgoing.may_call refuses.
It also refuses all files except those of Python and its packages: some addresses name a local file that
apprise sends (`tgram://...?template=`, `fcm://...?keyfile=`), and keys.json must not leave this machine.
Its memory is limited, because apprise reads answers of any length, also compressed ones.
The parent ends the process after its deadline. Its output is discarded, because it may contain secrets.
"""

import json
import os
import resource
import sys
import sysconfig
from ipaddress import ip_address, ip_network
from typing import Any

from salepixel.wire import outgoing

SENT, FAILED, UNKNOWN_SERVICE, FORBIDDEN = 0, 3, 4, 5
"""Exit codes. 1 and 2 are Python's own."""

MEMORY_BYTES = 256 * 2**20
"""The most memory of the process; a message takes 60 MB."""

_CODE = tuple(
    os.path.realpath(sysconfig.get_path(name)) + os.sep
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)

LOCAL = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Services that write to this machine."""


class _Refused(OSError):
    """A connection to an address that may not be called."""


class _Guard:
    def __init__(self) -> None:
        self.refused = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
            self.refused = True
            raise _Refused(event)
        if event == "open" and not _is_code(arguments[0]):
            raise _Refused(event)
        if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            return
        address = arguments[1]
        if not isinstance(address, tuple):
            self.refused = True  # a socket in the file system
            raise _Refused(event)
        try:
            allowed = outgoing.may_call(ip_address(str(address[0]).partition("%")[0]))
        except ValueError:
            allowed = False  # a name that was not resolved before
        # The resolver's own packets are sent by libc, without this hook.
        if not allowed:
            self.refused = True
            raise _Refused(event)


def _is_code(path: object) -> bool:
    """Whether an opened file belongs to Python or its packages; a number is a file that is open already."""
    if isinstance(path, int):
        return True
    return isinstance(path, str | bytes) and os.path.realpath(os.fsdecode(path)).startswith(_CODE)


def main() -> int:
    """Send the message on standard input; returns an exit code."""
    wanted = json.load(sys.stdin)
    outgoing.allow_private([ip_network(network) for network in wanted["private_networks"]])
    import apprise  # 0.6 s of CPU and 40 MB: nobody else imports it

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    guard = _Guard()
    sys.addaudithook(guard)
    scheme = str(wanted["address"]).partition(":")[0].lower()
    service = (
        None if scheme in LOCAL else apprise.Apprise.instantiate(wanted["address"], suppress_exceptions=True)
    )
    if not service:
        return UNKNOWN_SERVICE
    sent = service.notify(title=wanted["title"], body=wanted["body"])
    if guard.refused:
        return FORBIDDEN
    return SENT if sent else FAILED


if __name__ == "__main__":
    sys.exit(main())
