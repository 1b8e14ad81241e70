"""No page shows a form, a button or a place in the menu that is refused to its reader.

A new page or form needs no line here: all pages are asked with all roles, and what they show is tried.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import url_for
from werkzeug.routing import Rule

from salepixel.storage.database import Database
from tests.plugin import test_rights
from tests.plugin.conftest import Office

filled = test_rights.filled
as_role = test_rights.as_role

_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_BUTTON = re.compile(r"<a ([^>]*\bclass=\"button\b[^>]*)>", re.DOTALL)
_MENU = re.compile(r"<nav class=\"(?:menu|places)\".*?</nav>", re.DOTALL)
_LINK = re.compile(r"<a ([^>]*)>")
_ATTRIBUTE = re.compile(r"\b(action|href|method|name|value)=\"([^\"]*)\"")
_FIELD = re.compile(r"<(?:input|button)\b([^>]*\bname=\"[^>]*)>")

ROLES = ["owner", "editor", "viewer", "hidden", "elsewhere"]
"""In account 7. "elsewhere" is an owner of account 8, so it gets past the door of each page."""

Shown = tuple[str, str, tuple[tuple[str, str], ...]]
"""Method, address, and the fields that the page sets."""


@contextmanager
def _rolled_back(database: Database) -> Iterator[sa.Connection]:
    """In place of Database.write: what is tried changes nothing."""
    with database._writing.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def _shown(html: str, path: str) -> Iterator[Shown]:
    for head, inside in _FORM.findall(html):
        named = dict(_ATTRIBUTE.findall(head))
        fields = [dict(_ATTRIBUTE.findall(one)) for one in _FIELD.findall(inside)]
        sent = {one["name"]: unescape(one.get("value", "")) for one in fields if "name" in one}
        address = unescape(named.get("action", path))
        yield named.get("method", "get").upper(), address, tuple(sorted(sent.items()))
    linked = _BUTTON.findall(html) + [one for nav in _MENU.findall(html) for one in _LINK.findall(nav)]
    for head in linked:
        yield "GET", unescape(dict(_ATTRIBUTE.findall(head))["href"]), ()


def _pages(office: Office) -> list[Rule]:
    rules = office.app.url_map.iter_rules()
    named = [rule for rule in rules if rule.endpoint.startswith("pages.") and "GET" in (rule.methods or ())]
    return [rule for rule in named if rule.endpoint not in test_rights.OPEN | test_rights.OF_A_PERSON]


def _walk(office: Office, as_role: Callable[..., Any], role: str) -> dict[Shown, str]:
    """All that the pages show to a role, each with one page that shows it."""
    found: dict[Shown, str] = {}
    for rule in _pages(office):
        answer = as_role(rule, "GET", role)
        if answer.status_code == 200 and answer.mimetype == "text/html":
            for one in _shown(answer.text, answer.request.path):
                found.setdefault(one, rule.endpoint)
    return found


def _try(office: Office, role: str, shown: Shown) -> int:
    """The status of what a page shows, sent as it is; with `step`, as none that changes something."""
    method, address, fields = shown
    headers = {"Authorization": f"Bearer {role}"}
    client = office.app.test_client()
    if method == "GET":
        return client.get(address, headers=headers).status_code
    sent = dict(fields) | ({"step": "?"} if "step" in dict(fields) else {})
    return client.post(address, data=sent, headers=headers).status_code


def _send(office: Office, role: str, address: str) -> int:
    """The status of a valid form at an address."""
    with office.app.test_request_context(address, method="POST") as context:
        body = _BODIES.get(str(context.request.endpoint), {})
    headers = {"Authorization": f"Bearer {role}"}
    return office.app.test_client().post(address, data=body, headers=headers).status_code


_BODIES = test_rights.BODIES | {
    "pages.connect_shop": {"api_url": "http://127.0.0.1:2/graphql/"},
    "pages.change_shop": {"step": "remove"},
    "pages.change_smtp": {"host": "smtp.shop.test", "port": "25", "encryption": "none", "sender": "a@b.test"},
}


@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_a_page_shows_is_refused(
    role: str,
    filled: tuple[Office, dict[str, str]],
    as_role: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office, _ = filled
    shown = {one: where for one, where in _walk(office, as_role, role).items() if not urlsplit(one[1]).netloc}
    monkeypatch.setattr(Database, "write", _rolled_back)
    refused = {}
    for one, where in shown.items():
        if _try(office, role, one) == 403:
            refused[one[:2]] = where
    assert refused == {}


def test_each_role_sees_the_forms_that_it_may_send(
    filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    """What is left out would be refused: nobody misses a form."""
    office, _ = filled

    def forms(role: str) -> set[str]:
        return {address for method, address, _ in _walk(office, as_role, role) if method == "POST"}

    everything = forms("owner")
    for role in ("editor", "viewer", "hidden"):
        left_out = everything - forms(role)
        assert left_out, "editors may not do all, either"
        accepted = {address for address in left_out if _send(office, role, address) != 403}
        assert accepted == set()


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("show_flow", "Human clicks"),
        ("links", 'class="chip on"'),
        ("link_settings", "disabled"),
        ("link", "disabled"),
        ("show_contact", "of this contact are tracked."),
        ("recipients", "Off: all recipients get the e-mail."),
    ],
)
def test_what_a_form_says_stays_for_readers(
    endpoint: str, says: str, filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    name = {"link_settings": "show_link_settings"}.get(endpoint, endpoint)
    (rule,) = (one for one in _pages(office) if one.endpoint == f"pages.{name}")
    page = as_role(rule, "GET", "viewer").text
    assert says in page
    assert '<form method="post"' not in page[page.index("<main") :]
    assert "data-shows" in as_role(rule, "GET", "editor").text


def test_a_page_with_nothing_but_a_form_is_not_in_the_menu_of_a_viewer(
    filled: tuple[Office, dict[str, str]], as_role: Callable[..., Any]
) -> None:
    office, _ = filled
    with office.app.test_request_context():
        forms = {url_for(f"pages.{name}", emp_id=7) for name in ("new_list", "new_mail")}
    for role, has_link in {"editor": True, "viewer": False}.items():
        addresses = {one[1] for one in _walk(office, as_role, role)}
        assert {form in addresses for form in forms} == {has_link}
