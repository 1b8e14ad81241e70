"""`make fuzz`: random input for a number of seconds; the first fault ends it with its example.

`make fuzz ONLY=rewrite SECONDS=60` runs one subject.
"""

import os
import sys
import time
from collections.abc import Callable

from hypothesis import HealthCheck, settings

from fuzz import dynamic, rewrite

SUBJECTS: dict[str, Callable[[], None]] = {
    "dynamic": dynamic.check_any_address,
    "rewrite": rewrite.check_any_mail,
}
EXAMPLES = 500


def main(wanted: list[str]) -> int:
    """Run the subjects with these names, or all, each for `SECONDS`; 1 if a subject has a fault."""
    seconds = float(os.environ.get("SECONDS", "600"))  # noqa: TID251  # of make, not of a service
    for name in wanted or SUBJECTS:
        run = settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )(SUBJECTS[name])
        ends, rounds = time.monotonic() + seconds, 0
        while time.monotonic() < ends:
            try:
                run()
            except Exception as error:  # any exception is a fault of the subject
                print(f"{name}: {error!r}", *getattr(error, "__notes__", ()), sep="\n")
                return 1
            rounds += 1
        print(f"{name}: no fault in {rounds * EXAMPLES} examples", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
