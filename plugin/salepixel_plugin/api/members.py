"""Members of an account, and open invitations. `0` in place of an empId: the whole installation."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from salepixel.accounts.principal import Rights, Role
from salepixel.people import use_cases
from salepixel.people.invitations import Invitation
from salepixel.people.person import Member
from salepixel.reading.emails import read_recipient
from salepixel_plugin import inviting
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import Output, blueprint
from salepixel_plugin.fields import Id
from salepixel_plugin.languages import ENGLISH
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, writing


def _email(text: str) -> str:
    if not read_recipient(text):
        raise ValueError("must be an e-mail address such as ana@shop.example")
    return text


_CONTACTS = "False: references, addresses and names of contacts are hidden. Only for the role `viewer`."


class RightsIn(Input):
    """What a member may do."""

    role: Role
    contacts: bool = Field(True, description=_CONTACTS)


class InvitationIn(RightsIn):
    """A person to invite."""

    email: Annotated[str, Field(max_length=320, examples=["ana@shop.test"]), AfterValidator(_email)]


class MemberOut(Output):
    """A member."""

    id: Id
    email: str
    name: str
    role: Role
    contacts: bool = Field(description=_CONTACTS)
    second_factor: bool
    signed_in_at: datetime | None


class InvitationOut(Output):
    """An open invitation."""

    id: Id
    email: str = Field(description="Empty: the link that the first start printed.")
    role: Role
    contacts: bool = Field(description=_CONTACTS)
    expires_at: datetime


class NewInvitation(InvitationOut):
    """A new invitation. Its link is shown only once."""

    link: str | None = Field(
        description="Works for everybody who has it, once. Null: it was sent to the address, and only there."
    )


class MembersOut(Output):
    """Members sorted by name, and open invitations, newest first."""

    members: list[MemberOut]
    invitations: list[InvitationOut]


@blueprint.get("/accounts/<int:emp_id>/members")
@blueprint.output(MembersOut)
@blueprint.doc(security="bearer")
def list_members(emp_id: int) -> dict[str, Any]:
    """The members of an account and its open invitations. For owners."""
    with services().database.read() as connection:
        found = use_cases.see_members(connection, principal(), emp_id, datetime.now(UTC))
    return {
        "members": [_member(one) for one in found.members],
        "invitations": [_invitation(one) for one in found.invitations],
    }


@blueprint.post("/accounts/<int:emp_id>/invitations")
@blueprint.input(InvitationIn, arg_name="wanted")
@blueprint.output(NewInvitation, 201)
@blueprint.doc(
    security="bearer",
    responses={
        409: "A member already, or the e-mail could not be sent",
        429: "Too many e-mails within an hour",
    },
)
def invite_member(emp_id: int, wanted: InvitationIn) -> dict[str, Any]:
    """Invite a person, in place of an earlier invitation. With SMTP settings, the link is sent by e-mail."""
    made = inviting.invite(emp_id, wanted.email, Rights(wanted.role, wanted.contacts), ENGLISH)
    return _invitation(made.invitation) | {"link": made.link or None}


@blueprint.delete("/invitations/<invitation_id>")
@blueprint.output(InvitationOut)
@blueprint.doc(security="bearer")
def withdraw_invitation(invitation_id: str) -> dict[str, Any]:
    """Withdraw an invitation: its link no longer works."""
    with writing() as connection:
        return _invitation(use_cases.withdraw_invitation(connection, principal(), invitation_id))


@blueprint.put("/accounts/<int:emp_id>/members/<person_id>")
@blueprint.input(RightsIn, arg_name="wanted")
@blueprint.output(MemberOut)
@blueprint.doc(security="bearer", responses={409: "The last owner"})
def change_member(emp_id: int, person_id: str, wanted: RightsIn) -> dict[str, Any]:
    """Change what a member may do."""
    who, now, rights = principal(), datetime.now(UTC), Rights(wanted.role, wanted.contacts)
    with writing() as connection:
        return _member(use_cases.change_member(connection, who, emp_id, person_id, rights, now))


@blueprint.delete("/accounts/<int:emp_id>/members/<person_id>")
@blueprint.output(MemberOut)
@blueprint.doc(security="bearer", responses={409: "The last owner"})
def remove_member(emp_id: int, person_id: str) -> dict[str, Any]:
    """Remove a member. A person without any other account is deleted."""
    with writing() as connection:
        return _member(use_cases.remove_member(connection, principal(), emp_id, person_id))


def _member(one: Member) -> dict[str, Any]:
    return {
        "id": one.person_id,
        "email": one.email,
        "name": one.name,
        "role": one.rights.role,
        "contacts": one.rights.contacts,
        "second_factor": one.has_second_factor,
        "signed_in_at": one.signed_in_at,
    }


def _invitation(one: Invitation) -> dict[str, Any]:
    return {
        "id": one.id,
        "email": one.email,
        "role": one.rights.role,
        "contacts": one.rights.contacts,
        "expires_at": one.expires_at,
    }
