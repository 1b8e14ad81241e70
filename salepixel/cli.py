"""The command `salepixel`."""

import argparse
import subprocess
import sys
from pathlib import Path

from salepixel.embedded import NoEmbeddedRedis
from salepixel.keys import BadKeys
from salepixel.settings import BadSettings, environment
from salepixel.supervisor import CannotStart, Supervisor

_PROGRAMS = {"journal": "salepixel_edge.journals", "rebuild": "salepixel_worker.rebuild"}
"""Commands that are a service's own programs: what all services share knows none of them."""


def main() -> None:
    """Run a command; exits 2 when it was called wrongly, 1 when it could not do its work."""
    parser = argparse.ArgumentParser(
        prog="salepixel", description="Which e-mail earned this order? Docs: docs/ in the source tree."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start edge, plugin and worker, with an embedded Valkey and SQLite")
    up.add_argument("--data", type=Path, help="folder for keys, journals and stores (SALEPIXEL_DATA)")
    journal = commands.add_parser(
        "journal", help="list, verify or replay the edge's journals", add_help=False
    )
    journal.add_argument("--data", type=Path, help="folder of the edge (SALEPIXEL_DATA)")
    rebuild = commands.add_parser(
        "rebuild", help="decide every order again; --verify compares and writes nothing", add_help=False
    )
    rebuild.add_argument("--data", type=Path, help="folder of the worker (SALEPIXEL_DATA)")
    arguments, rest = parser.parse_known_args()
    environ = environment()
    if arguments.data:
        environ["SALEPIXEL_DATA"] = str(arguments.data.absolute())
    if program := _PROGRAMS.get(arguments.command):
        command = [sys.executable, "-m", program, *rest]
        sys.exit(subprocess.run(command, env=environ, check=False).returncode)  # noqa: S603  # our own program
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        Supervisor(environ).run(lambda text: print(text, flush=True))
    except (BadSettings, BadKeys) as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
    except (CannotStart, NoEmbeddedRedis) as problem:
        print(f"salepixel: {problem}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
