"""Uploaded lists of contacts and recipients. Each use case takes a principal and raises Declined.

Only principals who see the contacts of the account see its lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from salepixel.accounts.audit import Action, record
from salepixel.accounts.declined import BadField, Conflict, Invalid, NotFound
from salepixel.accounts.principal import Principal
from salepixel.accounts.use_cases import change_account
from salepixel.campaigns.use_cases import check_open, see_campaign
from salepixel.computations import use_cases as computations
from salepixel.computations.store import Computation, State, Wanted, get_computation, read_result
from salepixel.computations.use_cases import Computed, find_result
from salepixel.keys import Keys
from salepixel.lists import importing, sending, store
from salepixel.lists.importing import Imported
from salepixel.lists.layout import SEPARATORS, Layout, Role, names_of, propose, propose_with
from salepixel.lists.reading import Spot, head_of, records_from
from salepixel.lists.rows import Problem, read_row
from salepixel.lists.store import KEPT, ContactList
from salepixel.reading.text import read_text
from salepixel.storage.ids import is_id, new_id

PREVIEWED = 10
"""The rows that are shown before the import."""

_NAME = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """A list before its import: how it would be read, the names of its columns, and its first rows.

    `rows`: their fields, and what is wrong with each, or None.
    """

    found: ContactList
    layout: Layout
    names: list[str]
    rows: list[tuple[list[str], Problem | None]]


@dataclass(frozen=True, slots=True)
class ListState:
    """A list with its import, None if it was not started; `imported`: the result so far of a finished one.

    `is_there`: whether the file is still stored.
    """

    found: ContactList
    computation: Computation | None
    imported: Imported | None
    is_there: bool


def begin_list(
    connection: sa.Connection,
    principal: Principal,
    emp_id: int,
    campaign_id: str | None,
    name: str,
    at: datetime,
) -> ContactList:
    """A new list, whose pieces follow: see `receive.receive_list`. `name`: of its file. Raises NotFound."""
    change_account(connection, principal, emp_id)
    if campaign_id is not None and see_campaign(connection, principal, campaign_id).emp_id != emp_id:
        raise NotFound("campaign")
    short = read_text(name, _NAME)
    new = ContactList(new_id(), emp_id, campaign_id, short, "", 0, 0, 0, at, at + KEPT)
    store.add_list(connection, new)
    record(connection, principal, emp_id, Action.LIST_UPLOADED, new.id)
    return new


def see_list(connection: sa.Connection, principal: Principal, list_id: str) -> ListState:
    """A list, and how far its import is. Raises NotFound."""
    found = _get(connection, principal, list_id)
    computation = get_computation(connection, found.import_id) if found.import_id else None
    is_done = computation is not None and computation.state is State.DONE
    imported = Imported(**read_result(connection, computation.id)) if computation and is_done else None
    return ListState(found, computation, imported, store.has_pieces(connection, found.id))


def preview_list(
    connection: sa.Connection,
    principal: Principal,
    keys: Keys,
    list_id: str,
    separator: str | None = None,
    has_header: bool | None = None,
    roles: Mapping[int, Role] | None = None,
) -> Preview:
    """A list as it would be imported: with the proposed layout, or as far as given with another.

    Raises NotFound, Conflict if its file was deleted, or BadField for a separator that no list has.
    """
    found = _get(connection, principal, list_id)
    if not store.has_pieces(connection, list_id):
        raise Conflict("list_gone")
    if separator is not None and separator not in SEPARATORS:
        raise BadField("separator", "must be a comma, a semicolon, a tab or a vertical bar")
    head = head_of(connection, keys, found)
    if separator is None:
        separator = head.separator or propose(head.lines).separator
    layout = propose_with(head.lines, separator, has_header=has_header)[1]
    if roles:
        chosen = tuple(roles.get(place, role) for place, role in enumerate(layout.roles))
        layout = Layout(separator, layout.has_header, chosen)
    records = (record for _, record, _ in records_from(connection, keys, found, separator, Spot()))
    some = [one for one in islice(records, 3 * PREVIEWED) if one.fields is None or any(one.fields)]
    shown = some[layout.has_header :][:PREVIEWED]
    read = [read_row(one.fields, layout) for one in shown]
    problems = [one if isinstance(one, Problem) else None for one in read]
    rows = [one.fields or [one.text.rstrip()] for one in shown]
    names = names_of(head.lines, layout)
    return Preview(found, layout, names, list(zip(rows, problems, strict=True)))


def start_import(
    connection: sa.Connection,
    principal: Principal,
    list_id: str,
    layout: Layout,
    labels: Mapping[str, str],
    now: datetime,
) -> Computation:
    """Have the worker import a list; returns the import. Safe to repeat, also with another layout.

    `labels`: see importing.parameters_of. Raises NotFound, Invalid if the roles do not fit, or Conflict.
    """
    found = _get(connection, principal, list_id, lock=True)
    principal.require_change(found.emp_id)
    used = [role for role in layout.roles if role is not Role.IGNORED]
    if layout.separator not in SEPARATORS or Role.REFERENCE not in used:
        raise Invalid("list_without_reference")
    if len(used) != len(set(used)) or {Role.CONSENT, Role.OPT_OUT} <= set(used):
        raise Invalid("list_roles_twice")
    before = get_computation(connection, found.import_id) if found.import_id else None
    if before is not None and before.is_under_way:
        return before
    if not store.has_pieces(connection, list_id):
        raise Conflict("list_gone")
    if found.campaign_id is not None:
        check_open(connection, principal, found.campaign_id, now)
    wanted = Wanted(found.emp_id, importing.KIND, importing.parameters_of(found, layout, labels))
    started = computations.request_computation(connection, principal, wanted, now)
    store.change_list(connection, list_id, import_id=started.id, ends_at=now + KEPT)
    record(connection, principal, found.emp_id, Action.LIST_IMPORTED, list_id)
    return started


def find_send_list(
    connection: sa.Connection, principal: Principal, list_id: str, now: datetime
) -> Computed[int]:
    """The file without the control group, as far as the worker has written it; its result counts the rows.

    Raises NotFound, or Conflict if the list was not imported or its file was deleted.
    """
    state = see_list(connection, principal, list_id)
    if state.found.campaign_id is None or state.computation is None or state.imported is None:
        raise Conflict("list_not_imported")
    if not state.is_there:
        raise Conflict("list_gone")
    campaign = see_campaign(connection, principal, state.found.campaign_id)
    layout = Layout.from_json(state.computation.parameters["layout"])
    parameters = sending.parameters_of(state.found, layout, campaign.holdout_percent)
    wanted = Wanted(state.found.emp_id, sending.KIND, parameters)
    return find_result(connection, principal, wanted, lambda result: int(result["rows"]), now)


def delete_list(connection: sa.Connection, principal: Principal, list_id: str, now: datetime) -> ContactList:
    """End a list that is not being imported: its file is deleted soon. Raises NotFound or Conflict."""
    state = see_list(connection, principal, list_id)
    principal.require_change(state.found.emp_id)
    if state.computation is not None and state.computation.is_under_way:
        raise Conflict("list_being_imported")
    store.change_list(connection, list_id, ends_at=now)
    record(connection, principal, state.found.emp_id, Action.LIST_DELETED, list_id)
    return state.found


def _get(connection: sa.Connection, principal: Principal, list_id: str, *, lock: bool = False) -> ContactList:
    found = store.get_list(connection, list_id, lock=lock) if is_id(list_id) else None
    if found is None or not principal.allows(found.emp_id):
        raise NotFound("list")
    principal.require_contacts(found.emp_id)
    return found
