"""Items of a list that a call brings, each read by itself: a bad one does not stop its neighbours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pydantic
from pydantic import Field, SerializerFunctionWrapHandler, ValidatorFunctionWrapHandler, model_serializer
from pydantic_core import to_json

from salepixel_plugin.access import Refusal
from salepixel_plugin.api.door import Output, describe_errors, invalid

Item = TypeVar("Item", bound=pydantic.BaseModel)


@dataclass(frozen=True, slots=True)
class BadItem:
    """An item that cannot be read; `errors` as of pydantic, `name` what the caller calls it, or empty."""

    error: pydantic.ValidationError
    name: str


class NotStored(Output):
    """An item of the call that was not stored, and why."""

    position: int = Field(description="In the list, from 0.")
    name: str = Field(description="Its id or reference, empty where it has none.")
    reason: str = Field(description="For programs: `invalid`, `older_than_known`, `repeated` ...")
    message: str = Field(description="For people: what is wrong and what to do.")
    errors: dict[str, list[str]] = Field(default_factory=dict, description="Field -> what is wrong with it.")


class Stored(Output):
    """How many were stored; `not_stored` is there when some were not."""

    stored: int
    not_stored: list[NotStored] | None = None

    @model_serializer(mode="wrap")
    def _without_nothing(self, as_dict: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in as_dict(self).items() if value is not None}


def each(
    model: type[Item], name: str, *, empty_is_absent: bool = True
) -> Callable[[Any, ValidatorFunctionWrapHandler], Item | BadItem]:
    """For a WrapValidator: reads one item, and gives a BadItem in place of raising.

    `name`: the field by which the caller knows an item. `empty_is_absent`: a field that holds an empty text
    counts as not sent, for programs fill every column; not where its absence means something else.
    """

    def read(value: Any, _: ValidatorFunctionWrapHandler) -> Item | BadItem:
        wanted = _without_empty(value) if empty_is_absent else value
        try:
            # As JSON again: only there are decimals and times texts in strict mode.
            return model.model_validate_json(to_json(wanted, inf_nan_mode="constants"))
        except pydantic.ValidationError as error:
            known = value.get(name) if isinstance(value, dict) else None
            return BadItem(error, known[:200] if isinstance(known, str) else "")

    return read


def split_items(
    items: Sequence[Item | BadItem], field: str
) -> tuple[list[tuple[int, Item]], list[dict[str, Any]]]:
    """The good items with their positions, and the bad ones as NotStored describes them.

    Raises a Refusal (422) that names all mistakes when no item is good. `field`: the list's name.
    """
    good = [(place, item) for place, item in enumerate(items) if not isinstance(item, BadItem)]
    bad = [(place, item) for place, item in enumerate(items) if isinstance(item, BadItem)]
    if bad and not good:
        raise invalid([(item.error, (field, place)) for place, item in bad])
    return good, [_not_stored(place, item) for place, item in bad]


def not_stored(position: int, name: str, reason: str, message: str) -> dict[str, Any]:
    """An item that was read and not stored, as NotStored describes it."""
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
