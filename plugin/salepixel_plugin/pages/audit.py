"""The audit list of an account, or of the installation: who changed what, and when. For owners."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from flask import Response, request
from pydantic import ValidationError

from salepixel.accounts.api_keys import list_api_keys
from salepixel.accounts.audit_list import Entry, Step
from salepixel.accounts.principal import ActorKind, Principal
from salepixel.accounts.use_cases import see_account, see_audit
from salepixel.people.store import list_members
from salepixel.report.tables import Column, Kind
from salepixel.storage.database import Database
from salepixel.storage.schema import EVERYWHERE
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.audit_query import AuditQuery, actor_of, newer_cursor, older_cursor
from salepixel_plugin.audit_words import ACTION, ACTOR, say_actor, say_changes
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.pages.blueprint import blueprint, language, page
from salepixel_plugin.services import services
from salepixel_plugin.table_files import Form, send_table

PAGE = 50
_FILE_ROWS = 1000
_BAD_FILTER = N_("Enter days such as 2026-11-23, the earlier one first, or leave them empty.")
_TITLE = N_("Audit list")


@blueprint.get("/accounts/<int:emp_id>/audit")
def show_audit(emp_id: int) -> Response:
    """Who changed what in an account, newest first."""
    return _audit_page(emp_id)


@blueprint.get("/audit")
def show_whole_audit() -> Response:
    """The same about the installation: its owners, and its accounts."""
    return _audit_page(EVERYWHERE)


@blueprint.get("/accounts/<int:emp_id>/audit.<any(csv, xlsx):form>")
def download_audit(emp_id: int, form: Form) -> Response:
    """The list with its filters, all pages of it, as a file in the reader's language."""
    return _audit_file(emp_id, form)


@blueprint.get("/audit.<any(csv, xlsx):form>")
def download_whole_audit(form: Form) -> Response:
    """The same about the installation."""
    return _audit_file(EVERYWHERE, form)


def _asked() -> AuditQuery:
    given = {name: text.strip() for name, text in request.args.items() if text.strip()}
    try:
        return AuditQuery.model_validate_strings(given | {"limit": str(PAGE)})
    except ValidationError:
        raise Refusal(422, "bad_filter", _BAD_FILTER) from None


def _audit_page(emp_id: int) -> Response:
    asked, here = _asked(), language()
    with services().database.read() as connection:
        found = see_audit(connection, principal(), emp_id, asked.filter, asked.step, PAGE)
        account = see_account(connection, principal(), emp_id) if emp_id else None
        actors = _actors(connection, emp_id)
    actors.update({actor_of(one): say_actor(one.actor, here) for one in found.entries})
    if asked.actor and asked.actor not in actors:
        actors[asked.actor] = here.text(ACTOR[ActorKind(asked.actor.partition(":")[0])])
    return page(
        "audit.html",
        account=account,
        found=found,
        asked=asked,
        filters={
            name: text for name in ("actor", "action", "from", "to") if (text := request.args.get(name))
        },
        actors=dict(sorted(actors.items(), key=lambda one: one[1].casefold())),
        actions=dict(
            sorted(
                ((name, here.text(text)) for name, text in ACTION.items()), key=lambda one: one[1].casefold()
            )
        ),
        actor_of=actor_of,
        say_actor=lambda entry: say_actor(entry.actor, here),
        say_changes=lambda entry: say_changes(entry, here),
        may_all=principal().may_add_accounts,
        newer=newer_cursor(found.newer),
        older=older_cursor(found.older),
    )


def _actors(connection: sa.Connection, emp_id: int) -> dict[str, str]:
    """The people and keys of today; others are found by a click on their name in the list."""
    people = {f"{ActorKind.PERSON}:{one.person_id}": one.name for one in list_members(connection, emp_id)}
    keys = list_api_keys(connection, principal())
    return people | {
        f"{ActorKind.KEY}:{one.id}": one.name for one in keys if (one.emp_id or EVERYWHERE) == emp_id
    }


def _audit_file(emp_id: int, form: Form) -> Response:
    asked, here = _asked(), language()
    with services().database.read() as connection:
        see_audit(connection, principal(), emp_id, asked.filter, None, 1)
    rows = _all_entries(services().database, principal(), emp_id, asked)
    return send_table(form, f"audit-{emp_id}", _TITLE, _columns(here), rows, here)


def _all_entries(database: Database, its: Principal, emp_id: int, asked: AuditQuery) -> Iterator[Entry]:
    # Without the services of the request, and one connection per page: as in campaign_tables.py.
    step = None
    while True:
        with database.read() as connection:
            found = see_audit(connection, its, emp_id, asked.filter, step, _FILE_ROWS)
        yield from found.entries
        if found.older is None:
            return
        step = Step(found.older, newer=False)


def _columns(here: Language) -> list[Column[Entry]]:
    def text(name: str, label: str, value: Any) -> Column[Entry]:
        return Column(name, label, Kind.TEXT, value)

    return [
        text("at", N_("Time (UTC)"), lambda one: one.at.strftime("%Y-%m-%dT%H:%M:%SZ")),
        text("actor", N_("Who"), lambda one: say_actor(one.actor, here)),
        text("actor_kind", N_("Person or program"), lambda one: here.text(ACTOR[one.actor.kind])),
        text("action", N_("What"), lambda one: here.text(ACTION[one.action])),
        text("subject", N_("Name"), lambda one: one.subject),
        text(
            "changes",
            N_("Changes"),
            lambda one: "; ".join(f"{name}: {change}" for name, change in say_changes(one, here)),
        ),
    ]
