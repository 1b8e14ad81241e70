"""Figures of a campaign and an account."""

import pytest

from salepixel.report.figures import recipients_of


@pytest.mark.parametrize(
    ("sent_to", "clickers", "buyers", "recipients"),
    [
        (None, 0, 0, 0),
        (100, 0, 0, 100),
        (100, 100, 3, 100),
        (100, 101, 3, 0),  # forwarded, or the number is wrong
        (100, 3, 101, 0),
    ],
)
def test_rates_are_shares_of_the_recipients_and_never_above_one(
    sent_to: int | None, clickers: int, buyers: int, recipients: int
) -> None:
    assert recipients_of(sent_to, clickers, buyers) == recipients
