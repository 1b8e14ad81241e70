"""Properties: with few examples, the same each time, in `make test`; with many new ones in `make soak`."""

import os

from hypothesis import HealthCheck, settings

SOAKS = bool(os.environ.get("SOAK"))

# A busy machine is no mistake of the code: no test may fail for the time that it takes. And a property that
# uses a fixture leaves it as it was: it is made once for all examples.
_KINDS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "test", deadline=None, derandomize=True, database=None, suppress_health_check=_KINDS
)
settings.register_profile("soak", deadline=None, max_examples=2000, suppress_health_check=_KINDS)
settings.load_profile("soak" if SOAKS else "test")


def costly(examples: int) -> settings:
    """For a property that uses a database or a disk: this many examples, 40 times as many in `make soak`."""
    return settings(max_examples=examples * (40 if SOAKS else 1), suppress_health_check=list(HealthCheck))
