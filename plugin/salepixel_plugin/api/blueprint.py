"""What all API calls share: authentication, reading of bodies, the format of errors."""

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
"""A response lists at most this many errors."""

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1")


class Problem(pydantic.BaseModel):
    """Why a request was refused."""

    message: str = pydantic.Field(description="What is wrong and what to do, for people.")
    reason: str = pydantic.Field(description="The reason, for programs.")
    errors: dict[str, list[str]] = pydantic.Field(description="Field -> what is wrong with it.")


class Output(pydantic.BaseModel):
    """A response."""

    model_config = pydantic.ConfigDict(extra="forbid")


def answers_with(content_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of a response that is not JSON."""
    return {200: {"description": description, "content": {content_type: {"schema": {"type": "string"}}}}}


class StrictAdapter(PydanticAdapter):
    """Reads bodies with pydantic's own JSON parser, because Python's has no limits.

    It reports deep nesting and numbers with thousands of digits as validation errors (422). Even in strict
    mode, it accepts a JSON string as a Decimal or datetime. A lone surrogate becomes U+FFFD, as in webhooks
    and hits.
    """

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> pydantic.BaseModel:
        """Return the validated model. Raises Refusal (422); Flask raises 413 if the body is too large."""
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
"""An escape in a JSON string (JSON has no backslash elsewhere). Group 1: a lone surrogate."""


def _with_whole_letters(body: bytes) -> bytes:
    """Replace lone surrogates in JSON with U+FFFD. JavaScript writes one if a text is cut within an emoji.

    Without this, one such text would make the whole call invalid.
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
        AUTH_ERROR_DESCRIPTION="No API key, or an invalid one",
        VALIDATION_ERROR_DESCRIPTION="A field is missing or invalid",
        NOT_FOUND_DESCRIPTION="It does not exist, or the API key has no access to it",
    )


@blueprint.before_request
def _enter() -> None:
    found = access.bearer_principal()
    if found is None:
        raise Refusal(401, "no_key", "Send an API key in the header: Authorization: Bearer <key>.")
    access.allow(found)


@blueprint.after_request
def _confidential(answer: Response) -> Response:
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


@blueprint.errorhandler(Refusal)
def refuse(refusal: Refusal) -> Response:
    """A refusal as a JSON response."""
    answer = jsonify(message=refusal.message, reason=refusal.reason, errors=refusal.errors)
    answer.status_code = refusal.status
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="salepixel"'
    return answer


@blueprint.errorhandler(Declined)
def refuse_declined(declined: Declined) -> Response:
    """A JSON response to an error of a use case."""
    return refuse(as_refusal(declined))


@blueprint.errorhandler(HTTPException)
def refuse_http(error: HTTPException) -> Response:
    """A JSON response to an error that Flask raised."""
    status = error.code or 500
    if status == 413:
        limit = request.max_content_length or 0
        message = f"The body is larger than {limit // 1000} kB. Send it in several calls."
        return refuse(Refusal(413, "too_large", message))
    message = error.description or error.name
    if status == 404:
        message = "The API has no such address. /api/v1/openapi.json describes all of them."
    answer = refuse(Refusal(status, _snake(error.name), message))
    # Such as Allow for a 405. The first header is the Content-Type.
    answer.headers.extend(dict(error.get_headers()[1:]))
    return answer


def _snake(name: str) -> str:
    return re.sub(r"[^a-z]+", "_", name.lower())


Found = Sequence[tuple[pydantic.ValidationError, tuple[str | int, ...]]]
"""Validation errors, each with the place of its model in the body."""


def invalid(found: Found) -> Refusal:
    """The refusal (422) of a body, or of a part of it, with the errors of each field."""
    details = [detail for error, _ in found for detail in _details(error)]
    errors = describe_errors(found)
    if details[0]["type"] == "json_invalid":
        return Refusal(422, "not_json", f"Send a JSON object. {_describe_error(details[0])}.", errors)
    place, messages = next(iter(errors.items()))
    more = f" ({len(details) - 1} more in errors.)" if len(details) > 1 else ""
    return Refusal(422, "invalid", f"Correct {place}: {messages[0]}.{more}", errors)


def describe_errors(found: Found) -> dict[str, list[str]]:
    """Field -> what is wrong with it, for the first MAX_ERRORS errors."""
    errors: dict[str, list[str]] = {}
    placed = [(place, detail) for error, place in found for detail in _details(error)]
    for place, detail in placed[:MAX_ERRORS]:
        where = ".".join(str(part) for part in (*place, *detail["loc"])) or "body"
        errors.setdefault(where, []).append(_describe_error(detail))
    return errors


def _details(error: pydantic.ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False, include_context=False)


def _describe_error(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "extra_forbidden":
        return "there is no such field; check its spelling"
    return detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
