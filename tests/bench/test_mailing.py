"""The load of a mailing, for seconds instead of minutes: `make soak` plays it whole."""

from pathlib import Path

import pytest

from bench.mailing import SHORT, compare, run
from bench.visitors import Log
from salepixel.clicks.tokens import new_click_id
from salepixel.storage import schema
from salepixel.storage.database import migrate, open_database

pytestmark = pytest.mark.long


@pytest.mark.slow  # it measures: 3,500 clicks on a whole stack
def test_no_click_of_a_mailing_is_lost_or_doubled_even_while_redis_is_frozen(tmp_path: Path) -> None:
    for result in run(SHORT, tmp_path / "data"):
        assert len(result.log.tokens) == result.profile.rate * result.profile.seconds
        assert (result.log.failed, result.lost, result.twice) == (0, 0, 0)
        assert set(result.ends) <= {"large: 431", "large: cut off", "slow: 408"}


def test_a_missing_click_and_a_doubled_click_are_detected(tmp_path: Path) -> None:
    database = open_database("", tmp_path)
    migrate(database)
    first, second, missing, other = (new_click_id() for _ in range(4))
    with database.write() as connection:
        rows = [(first, "c1-1"), (second, "c1-1"), (other, "c10-1")]
        columns = {"emp_id": 1, "campaign_id": "", "link_id": "", "signals": 0, "verdict": "human"}
        rest = {"reasons": "", "score": 0}
        connection.execute(
            schema.clicks.insert(), [{"id": i, "contact": c, **columns, **rest} for i, c in rows]
        )
    assert compare(database, "c1-", {first, second}) == (0, 1)
    assert compare(database, "c1-", {first, missing}) == (1, 1)
    database.close()


@pytest.mark.parametrize(
    ("seconds", "share", "milliseconds"),
    [([], 0.99, 0), ([0.001], 0.99, 1), ([0.001] * 98 + [0.5, 0.6], 0.99, 600), ([0.3, 0.1, 0.2], 0.5, 200)],
)
def test_a_quantile_is_the_longest_wait_of_that_share(
    seconds: list[float], share: float, milliseconds: float
) -> None:
    assert Log(seconds).quantile_ms(share) == pytest.approx(milliseconds)
