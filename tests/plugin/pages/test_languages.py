"""Every text has a Spanish translation, and every reason an explanation."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import get_args

import pytest
from babel.messages.pofile import read_po

from salepixel.attribution.decided import NOT_PROCESSED_YET
from salepixel.attribution.evidence import Rung
from salepixel.attribution.sales import Status
from salepixel.clicks.verdicts import BOUGHT, WEIGHTS
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.requeue import DueReason
from salepixel_plugin import documents, explanations
from salepixel_plugin.api.recipients import LiftOut
from salepixel_plugin.explanations import explain, explain_candidate
from salepixel_plugin.languages import FOLDER, LANGUAGES
from salepixel_plugin.pages.chapters import TRANSLATED
from salepixel_plugin.pages.failed import BECAUSE
from tests.plugin.pages.messages import messages_in_sources

_NEVER_A_DECISION = {Reason.EARLIER_CLICK, Reason.WEAKER_EVIDENCE, Reason.NOT_BY_MODEL}

_PASSED_OVER = {
    Reason.OTHER_ACCOUNT,
    Reason.NOT_A_SALES_LINK,
    Reason.CLICK_AFTER_ORDER,
    Reason.OUTSIDE_WINDOW,
    Reason.BOT_CLICK,
    Reason.OPTED_OUT,
    Reason.WEAK_EVIDENCE,
    Reason.OTHER_CONTACT,
    *_NEVER_A_DECISION,
}


def test_every_text_has_one_spanish_translation() -> None:
    with (FOLDER / "es.po").open("rb") as file:
        catalog = read_po(file, locale="es")
    spanish = {str(message.id): str(message.string) for message in catalog if message.id}
    assert set(spanish) == messages_in_sources()
    assert not [text for text, translated in spanish.items() if not translated]


def test_a_translation_has_the_placeholders_of_its_text() -> None:
    spanish = LANGUAGES["es"].translations
    for message in messages_in_sources():
        names = sorted(re.findall(r"%\(\w+\)s", message))
        assert sorted(re.findall(r"%\(\w+\)s", spanish.gettext(message))) == names


_INFORMAL = re.compile(
    r"(?:^|[.:] )(?:Elige|Introduce|Usa|Pide|Copia|Deja|Pulsa|Abre|Escribe) |\b(?:tus?|puedes|tienes)\b"
)
_OTHER_WORDS = re.compile(r"evidencia|\bhits?\b|host de seguimiento|enlaces? de seguimiento|\b[Aa]pp\b")


def test_spanish_says_usted_and_one_word_for_each_thing() -> None:
    with (FOLDER / "es.po").open("rb") as file:
        texts = [str(message.string) for message in read_po(file, locale="es") if message.id]
    assert not [text for text in texts if _INFORMAL.search(text) or _OTHER_WORDS.search(text)]


def test_spanish_guides_say_usted_and_the_words_of_the_pages() -> None:
    texts = [
        (documents.FOLDER / name).read_text("utf-8") for (code, _), name in TRANSLATED.items() if code == "es"
    ]
    assert len(texts) > 5
    assert not [found for text in texts if (found := _INFORMAL.search(text) or _OTHER_WORDS.search(text))]


def test_every_value_of_the_domain_has_a_text() -> None:
    assert set(explanations.EVIDENCE) == set(Rung)
    assert set(explanations.STATUS) == set(Status)
    assert set(explanations.OUTCOME) == set(Outcome)
    assert set(explanations.REASON) == set(Reason) - _NEVER_A_DECISION
    assert set(explanations.LIFT) == set(get_args(LiftOut.model_fields["state"].annotation))
    assert set(BECAUSE) == {*DueReason, ""}
    assert set(explanations.SIGNAL) == {*WEIGHTS, BOUGHT}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_reason_is_explained(code: str) -> None:
    language = LANGUAGES[code]
    candidate = {
        "credited": False,
        "contact": None,
        "clicked_at": "2026-11-23T10:00:00Z",
        "passed_over": None,
    }
    for reason in {*set(Reason) - _NEVER_A_DECISION, NOT_PROCESSED_YET}:
        decision = {
            "reason": reason,
            "candidates": [candidate | {"credited": True}],
            "credited": {"forwarded": True},
            "conflicting": ["email"],
        }
        sentence = explain(decision, "50% <b>", language)
        assert "50% <b>" in sentence
        assert "%(" not in sentence
    for why in (*_PASSED_OVER, None):
        assert explain_candidate(candidate | {"passed_over": why}, language)


MONEY = [
    ("en", "1234.5", "EUR", "€1,234.50"),
    ("es", "1234.5", "EUR", "1.234,50\xa0€"),
    ("es", "12345.5", "EUR", "12.345,50\xa0€"),
    ("en", "1234", "JPY", "¥1,234"),
    ("en", "1.234", "KWD", "KWD1.234"),
]


@pytest.mark.parametrize(("code", "amount", "currency", "text"), MONEY)
def test_money_is_formatted_for_the_readers_language(
    code: str, amount: str, currency: str, text: str
) -> None:
    assert LANGUAGES[code].money(Decimal(amount), currency) == text


def test_nothing_is_never_negative() -> None:
    language = LANGUAGES["en"]
    assert language.money(Decimal("-0.00"), "EUR") == language.money(Decimal(0), "EUR") == "€0.00"
    assert language.number(Decimal("-0")) == language.number(0) == "0"


@pytest.mark.parametrize(("code", "text"), [("en", "-1.23"), ("es", "-1,23")])
def test_a_difference_of_shares_is_in_percentage_points(code: str, text: str) -> None:
    assert LANGUAGES[code].points(-0.012345) == text


def test_a_time_is_shown_in_utc_with_its_zone() -> None:
    moment = datetime(2026, 11, 23, 1, 5, tzinfo=timezone(timedelta(hours=2)))
    assert LANGUAGES["en"].time(moment) == "22 Nov 2026, 23:05 UTC"
    assert LANGUAGES["es"].time(moment.astimezone(UTC)) == "22 nov 2026, 23:05 UTC"


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.995, "99%"), (0.99, "99%"), (0.6975, "70%"), (0.6, "60%")]
)
def test_a_confidence_is_never_shown_as_100_percent(confidence: float, text: str) -> None:
    assert LANGUAGES["en"].confidence(confidence) == text
