"""The door of the API: who may enter, how bodies are read, how refusals look."""

import re
from collections.abc import Sequence
from typing import Any

import pydantic
from apiflask import APIBlueprint
from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request, Response, jsonify, request
from flask.blueprints import BlueprintSetupState
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException

from salepixel.accounts.declined import Declined
from salepixel_plugin import access
from salepixel_plugin.access import Refusal
from salepixel_plugin.refusals import as_refusal
from salepixel_plugin.schemas import Input

MAX_ERRORS = 20
"""So many mistakes are listed; who has more reads the first ones first."""

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1")


class Problem(pydantic.BaseModel):
    """Why a request was refused."""

    message: str = pydantic.Field(description="What is wrong and what to do, for people.")
    reason: str = pydantic.Field(description="The name of the reason, for programs.")
    errors: dict[str, list[str]] = pydantic.Field(description="Field -> what is wrong with it.")


class Output(pydantic.BaseModel):
    """What an answer brings."""

    model_config = pydantic.ConfigDict(extra="forbid")


def answers_with(content_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """What an answer that is not JSON looks like in the OpenAPI document."""
    return {200: {"description": description, "content": {content_type: {"schema": {"type": "string"}}}}}


class StrictAdapter(PydanticAdapter):
    """Reads bodies by pydantic's own JSON parser, which has limits where Python's raises or guesses.

    Deep nesting and numbers of thousands of digits are errors of the sender there, and in JSON, unlike in
    Python, a strict Decimal or datetime is a text. Half a letter is U+FFFD, as at the other doors.
    """

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> pydantic.BaseModel:
        """The model; raises a Refusal (422, or 413 by Flask)."""
        try:
            if location == "query":
                return self.model_class.model_validate_strings(request.args.to_dict())
            request.max_content_length = getattr(self.model_class, "max_bytes", Input.max_bytes)
            return self.model_class.model_validate_json(_with_whole_letters(request.get_data()))
        except pydantic.ValidationError as error:
            raise invalid([(error, ())]) from None


registry.register("pydantic", StrictAdapter)

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""An escape in JSON, outside of whose texts no backslash stands; group 1: one half of a surrogate pair."""


def _with_whole_letters(body: bytes) -> bytes:
    """The JSON with U+FFFD for half a letter: JavaScript writes it where a text was cut within an emoji.

    One such name would refuse the whole call, with all that stands beside it.
    """
    if not _SURROGATE.search(body):
        return body
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)


@blueprint.record
def _describe(state: BlueprintSetupState) -> None:
    problem = Problem.model_json_schema()
    state.app.config.update(
        SECURITY_SCHEMES={"bearer": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        HTTP_ERROR_SCHEMA=problem,
        VALIDATION_ERROR_SCHEMA=problem,
        AUTH_ERROR_DESCRIPTION="No API key, or one that is not known",
        VALIDATION_ERROR_DESCRIPTION="A field is missing or wrong",
        NOT_FOUND_DESCRIPTION="No such thing, or the key does not open it",
    )


@blueprint.before_request
def _enter() -> None:
    found = access.bearer_principal()
    if found is None:
        raise Refusal(401, "no_key", "Send an API key in the header: Authorization: Bearer <key>.")
    access.allow(found)


@blueprint.errorhandler(Refusal)
def refuse(refusal: Refusal) -> Response:
    """A refusal as JSON."""
    answer = jsonify(message=refusal.message, reason=refusal.reason, errors=refusal.errors)
    answer.status_code = refusal.status
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="salepixel"'
    return answer


@blueprint.errorhandler(Declined)
def refuse_declined(declined: Declined) -> Response:
    """What a use case declined, in the same form."""
    return refuse(as_refusal(declined))


@blueprint.errorhandler(HTTPException)
def refuse_http(error: HTTPException) -> Response:
    """What Flask refuses by itself, in the same form."""
    status = error.code or 500
    if status == 413:
        limit = request.max_content_length or 0
        message = f"The body is larger than {limit // 1000} kB; send it in several calls."
        return refuse(Refusal(413, "too_large", message))
    message = error.description or error.name
    if status == 404:
        message = "There is no such address in the API; /api/v1/openapi.json describes all of them."
    answer = refuse(Refusal(status, _snake(error.name), message))
    answer.headers.extend(dict(error.get_headers()[1:]))  # Allow of a 405; the first is the Content-Type
    return answer


def _snake(name: str) -> str:
    return re.sub(r"[^a-z]+", "_", name.lower())


Found = Sequence[tuple[pydantic.ValidationError, tuple[str | int, ...]]]
"""Errors, each with the place in the body at which its model stands."""


def invalid(found: Found) -> Refusal:
    """The refusal (422) of a body, or of a part of it, with what is wrong field by field."""
    details = [detail for error, _ in found for detail in _details(error)]
    errors = describe_errors(found)
    if details[0]["type"] == "json_invalid":
        return Refusal(422, "not_json", f"Send a JSON object. {_say(details[0])}.", errors)
    place, said = next(iter(errors.items()))
    more = f" ({len(details) - 1} more in errors.)" if len(details) > 1 else ""
    return Refusal(422, "invalid", f"Correct {place}: {said[0]}.{more}", errors)


def describe_errors(found: Found) -> dict[str, list[str]]:
    """Field -> what is wrong with it, of the first MAX_ERRORS."""
    errors: dict[str, list[str]] = {}
    placed = [(place, detail) for error, place in found for detail in _details(error)]
    for place, detail in placed[:MAX_ERRORS]:
        where = ".".join(str(part) for part in (*place, *detail["loc"])) or "body"
        errors.setdefault(where, []).append(_say(detail))
    return errors


def _details(error: pydantic.ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False, include_context=False)


def _say(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "extra_forbidden":
        return "there is no such field; check its spelling"
    return detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
