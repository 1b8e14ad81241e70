"""A click token contains the click, and only we can read it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.clicks.tokens import BadClickToken, Click, ClickSealer, Signal, new_click_id
from salepixel.keys import Keys
from salepixel.reading.references import normal_reference
from tests.make import NOON, click_at


@given(contact=st.text(max_size=39).map(normal_reference).filter(lambda text: len(text.encode()) <= 39))
def test_a_sealed_click_opens_unchanged(contact: str, sealer: ClickSealer) -> None:
    click = click_at(NOON, contact=contact, emp_id=2**32 - 1)
    token = sealer.seal(click)
    assert sealer.open(token) == click
    assert len(token) < 120


def test_a_token_of_an_older_edge_opens_with_a_normalized_contact(sealer: ClickSealer) -> None:
    assert sealer.open(sealer.seal(click_at(NOON, contact="c9. "))).contact == "c9"


def test_a_long_contact_travels_as_a_digest(sealer: ClickSealer) -> None:
    token = sealer.seal(click_at(NOON, contact="x" * 100))
    assert len(token) < 120
    assert sealer.open(token).contact == sealer.open(sealer.seal(click_at(NOON, contact="x" * 100))).contact
    assert sealer.open(token).contact.startswith("#")


def test_the_time_of_a_click_is_in_its_id() -> None:
    assert click_at(NOON).clicked_at == NOON
    assert abs((Click(new_click_id(), 1, "", "").clicked_at - datetime.now(UTC)).total_seconds()) < 5


@given(data=st.data())
def test_a_modified_token_is_refused(data: st.DataObject, sealer: ClickSealer) -> None:
    token = sealer.seal(click_at(NOON))
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda c: c != token[position]))
    with pytest.raises(BadClickToken):
        sealer.open(token[:position] + other + token[position + 1 :])


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_is_refused(text: str) -> None:
    with pytest.raises(BadClickToken):
        ClickSealer(Keys(1, {1: bytes(32)})).open(text)


def test_a_token_of_another_installation_is_refused(sealer: ClickSealer) -> None:
    with pytest.raises(BadClickToken):
        ClickSealer(Keys(1, {1: bytes(32)})).open(sealer.seal(click_at(NOON)))


@pytest.mark.parametrize(
    ("signals", "visit"),
    [
        (Signal(0), True),
        (Signal.PRIVACY, True),
        (Signal.NO_AGENT, True),
        (Signal.HEAD, False),
        (Signal.PREFETCH, False),
        (Signal.UNRENDERED | Signal.PRIVACY, False),
    ],
)
def test_only_a_visit_gets_a_cookie(signals: Signal, visit: bool) -> None:
    assert signals.is_visit is visit
