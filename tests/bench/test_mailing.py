"""The load of a mailing, for seconds instead of minutes: `make soak` plays it whole."""

from pathlib import Path

import pytest

from bench.mailing import SHORT, run
from bench.visitors import Log


def test_no_click_of_a_mailing_is_lost_or_there_twice_also_while_redis_is_frozen(tmp_path: Path) -> None:
    for result in run(SHORT, tmp_path / "data"):
        assert len(result.log.tokens) == result.profile.rate * result.profile.seconds
        assert (result.log.failed, result.lost, result.twice) == (0, 0, 0)


@pytest.mark.parametrize(
    ("seconds", "share", "milliseconds"),
    [([], 0.99, 0), ([0.001], 0.99, 1), ([0.001] * 98 + [0.5, 0.6], 0.99, 600), ([0.3, 0.1, 0.2], 0.5, 200)],
)
def test_a_quantile_is_what_that_share_waited_at_most(
    seconds: list[float], share: float, milliseconds: float
) -> None:
    assert Log(seconds).quantile_ms(share) == pytest.approx(milliseconds)
