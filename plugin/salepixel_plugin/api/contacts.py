"""Contacts: the references of the e-mail platform, with e-mail addresses that are hashed at once."""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, InstanceOf, WrapValidator
from pydantic.json_schema import SkipJsonSchema

from salepixel.campaigns import use_cases
from salepixel.reading.emails import MAX_EMAIL, is_email
from salepixel.reading.references import MAX_CONTACT, normal_reference
from salepixel_plugin.access import principal
from salepixel_plugin.api.blueprint import blueprint
from salepixel_plugin.api.items import ERASED, BadItem, Stored, each, not_stored, split_items
from salepixel_plugin.fields import UNSET, EmpId
from salepixel_plugin.schemas import Input
from salepixel_plugin.services import services, writing


def _address(text: str) -> str:
    if not is_email(text) or not text.isprintable():
        raise ValueError("must be an e-mail address such as ana@example.com")
    return text.strip()


Email = Annotated[str, Field(max_length=MAX_EMAIL, examples=["ana@example.com"]), AfterValidator(_address)]


def _reference(text: str) -> str:
    reference = normal_reference(text)
    if not reference:
        raise ValueError("must not be empty or contain line breaks or other control characters")
    return reference


Reference = Annotated[str, Field(max_length=MAX_CONTACT), AfterValidator(_reference)]


class ContactIn(Input):
    """A recipient."""

    ref: Reference = Field(
        description="The contact's id in your e-mail platform, as in the links. Stored in its normal form.",
        examples=["c1"],
    )
    email: Email | None = Field(None, description="Stored only as a keyed hash.")
    consent: bool = Field(
        UNSET,
        description="False: the contact opted out of tracking, with every other reference of the same e-mail "
        "address. If not sent: unchanged, and true for a new contact.",
    )


class ContactsIn(Input):
    """Contacts to add or to change."""

    max_bytes: ClassVar[int] = 8_000_000  # 10,000 with the longest references and addresses
    emp_id: EmpId = Field(alias="empId")
    contacts: Annotated[
        list[
            Annotated[ContactIn | SkipJsonSchema[InstanceOf[BadItem]], WrapValidator(each(ContactIn, "ref"))]
        ],
        Field(max_length=10_000),
    ]


@blueprint.post("/contacts")
@blueprint.input(ContactsIn, arg_name="wanted")
@blueprint.output(Stored)
@blueprint.doc(
    security="bearer", responses={403: "The API key belongs to another account", 404: "No such account"}
)
def add_contacts(wanted: ContactsIn) -> dict[str, Any]:
    """Add or change contacts, up to 10,000 in a call. The last value of each field counts.

    Valid contacts are stored even if others are not valid. `not_stored` lists those.
    """
    good, bad = split_items(wanted.contacts, "contacts")
    merged, now = _merged([contact for _, contact in good]), datetime.now(UTC)
    with writing(publishes=True, wakes=True) as connection:  # edges learn who opted out
        done = use_cases.add_contacts(connection, principal(), services().keys, wanted.emp_id, merged, now)
    erased = [not_stored(at, one.ref, "erased", ERASED) for at, one in good if one.ref in done.erased]
    left_out = sorted([*bad, *erased], key=itemgetter("position"))
    return {"stored": done.stored, "not_stored": left_out or None}


def _merged(contacts: list[ContactIn]) -> dict[str, dict[str, Any]]:
    """Contact -> the last value sent for each field, without the fields that were not sent."""
    merged: dict[str, dict[str, Any]] = {}
    for contact in contacts:
        merged.setdefault(contact.ref, {}).update(contact.model_dump(exclude_none=True))
    return merged
