"""Every refusal by a use case has a status and a sentence."""

import re
from pathlib import Path

import pytest

import salepixel
from salepixel.accounts.declined import BadField, Conflict, Declined, NotFound
from salepixel.lists.incoming import FILE_KINDS
from salepixel.mails.mail import read_mail
from salepixel_plugin.refusals import SENTENCES, STATUS, as_refusal


def _kinds(kind: type[Declined]) -> set[type[Declined]]:
    return {kind}.union(*(_kinds(one) for one in kind.__subclasses__()))


def test_every_kind_of_refusal_has_a_status() -> None:
    assert set(STATUS) == _kinds(Declined) - {Declined}


def test_every_reason_has_a_sentence_and_every_sentence_a_reason() -> None:
    sources = "".join(file.read_text() for file in Path(salepixel.__file__).parent.rglob("*.py"))
    raised = set(re.findall(r'(?:Conflict|NotAllowed|Invalid)\("(\w+)"', sources))
    assert len(raised) > 10
    # The reason of a file of another kind is looked up by its first bytes.
    reasons = re.findall(r"`(\w+)`", (read_mail.__doc__ or "").partition("Invalid:")[2])
    assert {"mail_empty", "mail_pdf"} <= set(reasons)
    raised |= set(reasons) | set(FILE_KINDS.values())
    raised |= {"no_smtp", "password_lost"}  # of smtp.store.server_of
    assert raised | {"not_found", "unknown_account", "invalid"} == set(SENTENCES)


@pytest.mark.parametrize(
    ("declined", "status", "message", "errors"),
    [
        (NotFound("link"), 404, "This link does not exist, or your API key has no access to it.", {}),
        (
            Conflict("taken", emp_id=7),
            409,
            "Account 7 already exists. Choose another empId.",
            {},
        ),
        (BadField("name", "is 100% wrong"), 422, "Correct name: is 100% wrong.", {"name": ["is 100% wrong"]}),
        (BadField("windows", "no", part=""), 422, "Correct windows: no.", {"windows.": ["no"]}),
    ],
)
def test_a_declined_call_is_answered_with_its_sentence(
    declined: Declined, status: int, message: str, errors: dict[str, list[str]]
) -> None:
    refusal = as_refusal(declined)
    assert (refusal.status, refusal.message, refusal.errors) == (status, message, errors)
