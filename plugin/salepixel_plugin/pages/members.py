"""The page People of an account, or of the whole installation: members and invitations."""

from datetime import UTC, datetime
from typing import cast

from flask import Response, redirect, request, url_for

from salepixel.accounts.declined import BadField, Conflict
from salepixel.accounts.principal import Rights, Role
from salepixel.accounts.use_cases import see_account
from salepixel.people import use_cases
from salepixel.smtp.store import server_of
from salepixel.storage.schema import EVERYWHERE
from salepixel_plugin import inviting
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, language, page, say, with_script
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.services import services, writing

ROLES = {
    "owner": N_("Owner"),
    "editor": N_("Editor"),
    "viewer": N_("Viewer"),
    "hidden": N_("Viewer without contacts"),
}
"""The rights that a form offers. "hidden": a viewer to whom contacts are not shown."""

ROLE_HINTS = {
    "owner": N_("everything, including people, API keys, privacy and the connection to the shop"),
    "editor": N_("campaigns, contacts and settings"),
    "viewer": N_("all reports, and changes nothing"),
    "hidden": N_("all reports without references, addresses and names of contacts"),
}

_NO_EMAIL = N_("Enter an e-mail address.")


@blueprint.get("/accounts/<int:emp_id>/members")
def show_members(emp_id: int) -> Response:
    """The members of an account."""
    return _members_page(emp_id)


@blueprint.post("/accounts/<int:emp_id>/members")
def change_members(emp_id: int) -> Response:
    """Invite somebody, withdraw an invitation, change a role, or remove a member."""
    return _change(emp_id)


@blueprint.get("/members")
def show_owners() -> Response:
    """The members of the whole installation."""
    return _members_page(EVERYWHERE)


@blueprint.post("/members")
def change_owners() -> Response:
    """The same for the whole installation."""
    return _change(EVERYWHERE)


def _change(emp_id: int) -> Response:
    form, who, now = request.form, principal(), datetime.now(UTC)
    step, person_id = form.get("step", ""), form.get("person", "")
    try:
        if step == "invite":
            email = form.get("email", "").strip()
            made = inviting.invite(emp_id, email, _rights(), language())
            return _members_page(emp_id, invited=made)
        with writing() as connection:
            if step == "withdraw":
                use_cases.withdraw_invitation(connection, who, form.get("invitation", ""))
            elif step == "change":
                use_cases.change_member(connection, who, emp_id, person_id, _rights(), now)
            elif step == "remove":
                use_cases.remove_member(connection, who, emp_id, person_id)
    except Refusal as refusal:
        return _members_page(emp_id, wrong={"email": say(refusal)})
    except BadField:
        return _members_page(emp_id, wrong={"email": language().text(_NO_EMAIL)})
    except Conflict as declined:
        return _members_page(
            emp_id, wrong={"email" if step == "invite" else "member": say(as_refusal(declined))}
        )
    there = url_for("pages.show_members", emp_id=emp_id) if emp_id else url_for("pages.show_owners")
    if not who.allows(emp_id) and emp_id:
        there = url_for("pages.list_campaigns")
    return cast(Response, redirect(there, 303))


def _rights() -> Rights:
    """The rights in the form; without a valid choice, the least."""
    chosen = request.form.get("role", "")
    if chosen == "hidden" or chosen not in ROLES:
        return Rights(Role.VIEWER, contacts=False)
    return Rights(Role(chosen))


def role_of(rights: Rights) -> str:
    """The key of ROLES for some rights."""
    return str(rights.role) if rights.contacts else "hidden"


def _members_page(
    emp_id: int, wrong: dict[str, str] | None = None, invited: inviting.Invited | None = None
) -> Response:
    here = services()
    with here.database.read() as connection:
        account = see_account(connection, principal(), emp_id) if emp_id else None
        found = use_cases.see_members(connection, principal(), emp_id, datetime.now(UTC))
        mails = server_of(connection, here.keys, emp_id, here.smtp) != "no_smtp"
    answer = page(
        "members.html",
        account=account,
        found=found,
        roles=ROLES,
        hints=ROLE_HINTS,
        role_of=role_of,
        me=principal().person_id,
        may_all=principal().may_add_accounts,
        invited=invited,
        mails=mails,
        wrong=wrong or {},
        sent=request.form if wrong else {},
    )
    answer.headers["Content-Security-Policy"] = with_script()
    answer.status_code = 422 if wrong else 200
    return answer
