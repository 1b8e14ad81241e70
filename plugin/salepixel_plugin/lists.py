"""Uploaded lists: what is wrong with a line, in words, and their files to download."""

import csv
from collections.abc import Callable, Iterator
from io import StringIO

from flask import Response

from salepixel.campaigns.holdout import is_held_out
from salepixel.campaigns.recipients import list_recipients
from salepixel.campaigns.store import Campaign
from salepixel.computations.store import read_parts
from salepixel.keys import Place, Sealed
from salepixel.lists.layout import Role
from salepixel.lists.rows import Problem
from salepixel.storage.database import Database
from salepixel_plugin.exports import as_download
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.services import services

CHUNK = 65_536

ROLES = {
    Role.REFERENCE: N_("Contact reference"),
    Role.EMAIL: N_("E-mail address"),
    Role.CONSENT: N_("Consent: yes = may be tracked"),
    Role.OPT_OUT: N_("Opt-out: yes = opted out of tracking"),
    Role.SENT_AT: N_("Sent: when the contact got the e-mail"),
    Role.IGNORED: N_("Do not import"),
}
"""The roles of columns as a form lists them."""

PROBLEMS = {
    Problem.UNREADABLE: N_("This line cannot be read: a quote is not closed, or the line is too long."),
    Problem.COLUMNS: N_("This line has more columns than the others."),
    Problem.NO_REFERENCE: N_("The contact reference is missing."),
    Problem.REFERENCE: N_("This is not a contact reference: it is too long or has invisible characters."),
    Problem.MERGE_TAG: N_("This is a merge tag that was not replaced, not a contact reference."),
    Problem.EMAIL: N_("This is not an e-mail address."),
    Problem.CONSENT: N_("The consent is neither yes nor no."),
    Problem.SENT_AT: N_("This is not a date and time such as 2026-11-28 10:00, in UTC."),
    Problem.ERASED: N_("This person was erased and is not stored again."),
}
"""What is wrong with a line of a list."""

SEPARATORS = {
    ",": N_("Comma"),
    ";": N_("Semicolon"),
    "\t": N_("Tab"),
    "|": N_("Vertical bar"),
}

_ROWS_AT_ONCE = 5000


def labels_of(language: Language) -> dict[str, str]:
    """The words in the file of bad lines."""
    texts = {str(problem): language.text(text) for problem, text in PROBLEMS.items()}
    return texts | {"line": language.text(N_("Line")), "problem": language.text(N_("Problem"))}


def sealed_file(database: Database, computation_id: str, place: Place, name: str) -> Response:
    """A file of a computation with sealed pieces."""
    keys = services().keys
    texts = (keys.open(place, Sealed(part.decode())) for part in read_parts(database, computation_id))
    return as_download((text.encode() for text in texts), name, "text/csv")


def group_file(campaign: Campaign, *, held_out: bool) -> Response:
    """The references of a group of a campaign: those who get the e-mail, or the control group."""
    name = f"{'control-group' if held_out else 'recipients'}-{campaign.id}.csv"
    lines = _group(services().database, campaign, held_out=held_out)
    return as_download((line.encode() for line in lines), name, "text/csv")


def _group(database: Database, campaign: Campaign, *, held_out: bool) -> Iterator[str]:
    after = ""
    yield "reference\r\n"
    # A new connection for each page: one that a slow reader holds open would block SQLite's checkpoints.
    while True:
        with database.read() as connection:
            rows = list_recipients(connection, campaign.id, after, _ROWS_AT_ONCE)
        if not rows:
            return
        after = rows[-1][0]
        refs = [ref for ref, lot in rows if is_held_out(lot, campaign.holdout_percent) is held_out]
        written = StringIO()
        csv.writer(written).writerows([ref] for ref in refs)
        yield written.getvalue()


def chunks_of(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The chunks of a stream."""
    while chunk := read(CHUNK):
        yield chunk
