"""The command `salepixel`."""

import argparse
import sys
from pathlib import Path

from salepixel.embedded import NoEmbeddedRedis
from salepixel.keys import BadKeys
from salepixel.settings import BadSettings, environment
from salepixel.supervisor import CannotStart, Supervisor


def main() -> None:
    """Run a command; exits 2 when it was called wrongly, 1 when it could not do its work."""
    parser = argparse.ArgumentParser(
        prog="salepixel", description="Which e-mail earned this order? Docs: docs/ in the source tree."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start edge, plugin and worker, with an embedded Valkey and SQLite")
    up.add_argument("--data", type=Path, help="folder for keys, journals and stores (SALEPIXEL_DATA)")
    arguments = parser.parse_args()
    environ = environment()
    if arguments.data:
        environ["SALEPIXEL_DATA"] = str(arguments.data.absolute())
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
