"""What a page offers to its reader: no form and no button that would be refused.

The use cases check the rights. Here is the same by endpoint, so that a page need not ask them one by one, and
a new form cannot be forgotten: what is not listed changes content, which viewers may not do. A test sends
every form of every page with every role, and compares (tests/plugin/test_offers.py).
"""

import re
from html import unescape
from typing import cast
from urllib.parse import urlsplit

from flask import current_app, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from salepixel.accounts.principal import Change, Principal
from salepixel_plugin.access import READING

OF_ALL_ACCOUNTS = frozenset(
    {
        *("pages.new_account", "pages.make_account", "pages.show_owners", "pages.change_owners"),
        *("pages.show_whole_audit", "pages.download_whole_audit"),
    }
)
"""For owners of the whole installation."""

FOR_OWNERS = frozenset(
    {
        *("pages.show_members", "pages.change_members", "pages.show_audit", "pages.download_audit"),
        *("pages.show_keys", "pages.change_keys"),
        *("pages.add_shop", "pages.connect_shop", "pages.change_smtp", "pages.remove_smtp"),
        *("pages.find_person", "pages.export_person", "pages.erase_person", "pages.show_export"),
        *("pages.retry_erasure", "pages.close_erasure", "pages.change_retention"),
    }
)
"""For owners of the account."""

ABOUT_CONTACTS = frozenset(
    {
        *("pages.contacts", "pages.find_contact", "pages.open_contact", "pages.show_contact"),
        "pages.show_list",
        *("pages.download_errors", "pages.show_send_list", "pages.download_recipients"),
    }
)
"""For all who see contacts."""

ONLY_A_FORM = frozenset({"pages.new_mail", "pages.new_list"})
"""Pages on which one does nothing but fill in a form that changes content."""

_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_CONTROL = re.compile(r"<button\b.*?</button>|<input type=\"hidden\"[^>]*>", re.DOTALL)
_FIELD = re.compile(r"<(input|select|textarea)\b")
_ACTS = re.compile(r"<td class=\"act\"[^>]*>.*?</td>", re.DOTALL)
_ACT_HEAD = re.compile(r"<th scope=\"col\" class=\"act\">.*?</th>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_BUTTON = re.compile(r"<a ([^>]*\bclass=\"button\b[^>]*)>.*?</a>", re.DOTALL)
_ATTRIBUTE = re.compile(r"\b(action|href|method|data-account)=\"([^\"]*)\"")
"""Our templates write their tags like this, and escape what they insert."""


def may_use(endpoint: str, emp_id: int | None, method: str = "GET") -> bool:
    """Whether the reader of this page may use an endpoint of an account.

    `emp_id`: None if it is for several accounts; then one of them suffices.
    """
    reader = cast("Principal | None", g.get("salepixel_principal"))
    if reader is None:  # a page that is open to all
        return True
    if endpoint in OF_ALL_ACCOUNTS:
        return reader.may_add_accounts
    if endpoint in ABOUT_CONTACTS and emp_id is not None and not reader.sees_contacts(emp_id):
        return False
    changes = method != "GET" and endpoint not in READING
    if endpoint in FOR_OWNERS:
        return _may_change(reader, emp_id, Change.ACCESS)
    return not (changes or endpoint in ONLY_A_FORM) or _may_change(reader, emp_id, Change.CONTENT)


def leave_out_refused(html: str, emp_id: int | None) -> str:
    """A page about this account without the forms and buttons that its reader may not use.

    Of a form with `data-shows`, the content stays, because it says how things are: with fields that cannot be
    changed, and without buttons. A column in which nothing is left to do is left out, too.
    """
    reader = cast("Principal | None", g.get("salepixel_principal"))
    if reader is None or reader.may_add_accounts:
        return html

    def keep(found: re.Match[str]) -> str:
        named = dict(_ATTRIBUTE.findall(found[1]))
        method = named.get("method", "get").upper()
        address = unescape(named.get("action") or named.get("href") or request.path)
        own = int(named["data-account"]) if "data-account" in named else emp_id
        if _may_send(address, method, own):
            return found[0]
        if "data-shows" not in found[1]:
            return ""
        shown = _FIELD.sub(r"<\1 disabled", _CONTROL.sub("", found[2]))
        return f"<div>{shown}</div>"

    html = _BUTTON.sub(keep, _FORM.sub(keep, html))
    if any(_TAG.sub("", found[0]).strip() for found in _ACTS.finditer(html)):
        return html
    return _ACT_HEAD.sub("", _ACTS.sub("", html))


def _may_send(address: str, method: str, emp_id: int | None) -> bool:
    parts = urlsplit(address)
    if parts.netloc:  # of the shop, or the edge
        return True
    try:
        endpoint, named = current_app.create_url_adapter(request).match(parts.path, method)  # type: ignore[union-attr]
    except (HTTPException, RequestRedirect):
        return True
    return may_use(str(endpoint), named.get("emp_id", emp_id), method)


def _may_change(reader: Principal, emp_id: int | None, what: Change) -> bool:
    if emp_id is None:
        return reader.accounts_to_change(what) != frozenset()
    return reader.may_change(emp_id, what)
