"""Items of a list in a call, validated one by one: valid items are stored even if others are not valid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pydantic
from pydantic import Field, SerializerFunctionWrapHandler, ValidatorFunctionWrapHandler, model_serializer
from pydantic_core import to_json

from salepixel_plugin.access import Refusal
from salepixel_plugin.api.blueprint import Output, describe_errors, invalid

Item = TypeVar("Item", bound=pydantic.BaseModel)


@dataclass(frozen=True, slots=True)
class BadItem:
    """An invalid item; `name` is the caller's id or reference for it, or empty."""

    error: pydantic.ValidationError
    name: str


class NotStored(Output):
    """An item that was not stored, with the reason."""

    position: int = Field(description="The position in the list, from 0.")
    name: str = Field(description="Its id or reference; empty if it has none.")
    reason: str = Field(description="The reason, for programs: `invalid`, `older_than_known`, `repeated` ...")
    message: str = Field(description="What is wrong and what to do, for people.")
    errors: dict[str, list[str]] = Field(default_factory=dict, description="Field -> what is wrong with it.")


ERASED = "This contact was erased and is not stored again."
"""The message for an item of an erased contact."""


class Stored(Output):
    """How many items were stored; `not_stored` lists the others, if there are any."""

    stored: int
    not_stored: list[NotStored] | None = None

    @model_serializer(mode="wrap")
    def _without_nothing(self, as_dict: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in as_dict(self).items() if value is not None}


def each(
    model: type[Item], name: str, *, empty_is_absent: bool = True
) -> Callable[[Any, ValidatorFunctionWrapHandler], Item | BadItem]:
    """For a WrapValidator: validates one item, and returns a BadItem instead of raising.

    `name`: the field with the caller's id of an item. `empty_is_absent`: a field with an empty text counts as
    not sent, because programs fill every column. False if a missing field has a meaning of its own.
    """

    def read(value: Any, _: ValidatorFunctionWrapHandler) -> Item | BadItem:
        wanted = _without_empty(value) if empty_is_absent else value
        try:
            # As JSON again: in strict mode, only JSON strings are valid decimals and times.
            return model.model_validate_json(to_json(wanted, inf_nan_mode="constants"))
        except pydantic.ValidationError as error:
            known = value.get(name) if isinstance(value, dict) else None
            return BadItem(error, known[:200] if isinstance(known, str) else "")

    return read


def split_items(
    items: Sequence[Item | BadItem], field: str
) -> tuple[list[tuple[int, Item]], list[dict[str, Any]]]:
    """The valid items with their positions, and the invalid ones as in NotStored.

    Raises a Refusal (422) with all errors if no item is valid. `field`: the list's name.
    """
    good = [(place, item) for place, item in enumerate(items) if not isinstance(item, BadItem)]
    bad = [(place, item) for place, item in enumerate(items) if isinstance(item, BadItem)]
    if bad and not good:
        raise invalid([(item.error, (field, place)) for place, item in bad])
    return good, [_not_stored(place, item) for place, item in bad]


def not_stored(position: int, name: str, reason: str, message: str) -> dict[str, Any]:
    """A valid item that was not stored, as in NotStored."""
    return {"position": position, "name": name, "reason": reason, "message": message}


def _not_stored(position: int, item: BadItem) -> dict[str, Any]:
    refusal: Refusal = invalid([(item.error, ())])
    errors = describe_errors([(item.error, ())])
    return not_stored(position, item.name, refusal.reason, refusal.message) | {"errors": errors}


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_empty(inner)
            for name, inner in value.items()
            if not (isinstance(inner, str) and not inner.strip())
        }
    return [_without_empty(inner) for inner in value] if isinstance(value, list) else value
