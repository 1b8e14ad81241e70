"""The audit list: who changed what, and when."""

from datetime import datetime
from typing import Any

from pydantic import Field

from salepixel.accounts.audit import Action
from salepixel.accounts.audit_list import Entry
from salepixel.accounts.principal import ActorKind
from salepixel.accounts.use_cases import see_audit
from salepixel.storage.schema import EVERYWHERE
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.audit_query import AuditQuery, actor_of, newer_cursor, older_cursor
from salepixel_plugin.fields import EmpId
from salepixel_plugin.paging import Next
from salepixel_plugin.services import services


class AuditOf(AuditQuery):
    """The account, the filters and the page of an audit list."""

    emp_id: EmpId | None = Field(
        None,
        alias="empId",
        description="Without it: changes of the installation, for a key with all rights.",
    )


class SubjectOut(Output):
    """What was changed."""

    kind: str
    id: str
    name: str = Field(description="As it was. Empty if it may be about a contact.")


class ChangeOut(Output):
    """A changed field. `***` in place of a secret or an address."""

    field: str
    before: Any
    after: Any


class EntryOut(Output):
    """An entry of the audit list."""

    id: str
    at: datetime
    emp_id: EmpId | None = Field(alias="empId")
    actor: str = Field(description="Kind and id, for the parameter `actor`.")
    actor_kind: ActorKind
    actor_name: str = Field(description="The name as it was.")
    action: Action
    subject: SubjectOut
    changes: list[ChangeOut]


class AuditOut(Output):
    """Entries, newest first."""

    rows: list[EntryOut]
    next: Next
    previous: str | None = Field(description="The cursor of the page with newer entries; null on the first.")


@blueprint.get("/audit")
@blueprint.input(AuditOf, location="query", arg_name="asked")
@blueprint.output(AuditOut)
@blueprint.doc(security="bearer")
def list_audit(asked: AuditOf) -> dict[str, Any]:
    """Who changed what in an account, and when. For its owners."""
    emp_id = asked.emp_id or EVERYWHERE
    with services().database.read() as connection:
        found = see_audit(connection, principal(), emp_id, asked.filter, asked.step, asked.limit)
    return {
        "rows": [_as_json(one) for one in found.entries],
        "next": older_cursor(found.older),
        "previous": newer_cursor(found.newer),
    }


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "empId": entry.emp_id or None,
        "actor": actor_of(entry),
        "actor_kind": entry.actor.kind,
        "actor_name": entry.actor.name,
        "action": entry.action,
        "subject": {"kind": entry.subject_kind, "id": entry.subject_id, "name": entry.subject},
        "changes": [
            {"field": name, "before": before, "after": after}
            for name, (before, after) in entry.changes.items()
        ],
    }
