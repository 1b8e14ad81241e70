"""Members by the API and by the page: invited by an e-mail where there are SMTP settings, else by a link."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from salepixel_plugin import rate_limits
from tests.plugin.conftest import ALL, HATS, SHOES, Office
from tests.plugin.pages.test_signing_in import PASSWORD, add_person
from tests.smtp.post_office import PostOffice, post_office

MEMBERS, INVITATIONS = "/accounts/7/members", "/accounts/7/invitations"
BO = {"email": "bo@shop.test", "role": "viewer", "contacts": False}
_LINK = re.compile(r"/join/[\w-]{40,}")


@pytest.fixture
def place(office: Office) -> Iterator[PostOffice]:
    """The SMTP server of account 7."""
    with post_office() as place:
        _use(office, place.port)
        yield place


def _use(office: Office, port: int) -> None:
    own = {"host": "127.0.0.1", "port": port, "encryption": "none", "sender": "news@shop.test"}
    own |= {"user": "", "password": "", "sender_name": "Shoes"}
    assert office.call("PUT", "/accounts/7/smtp", own).status_code == 200


def _join(office: Office, text: str) -> Any:
    path = _LINK.findall(text)[0]
    return office.browser.post(path, data={"name": "Bo", "password": PASSWORD})


def test_members_are_listed_invited_changed_and_removed(office: Office) -> None:
    add_person(office)
    made = office.post(INVITATIONS, BO, SHOES)
    assert (made["role"], made["contacts"]) == ("viewer", False)
    found = office.get(MEMBERS, SHOES)
    assert [one["email"] for one in found["invitations"]] == ["bo@shop.test"]
    assert "link" not in found["invitations"][0]
    assert _join(office, made["link"]).status_code == 303
    ana, bo = office.get(MEMBERS, SHOES)["members"]
    assert (ana["role"], bo["role"], bo["contacts"]) == ("owner", "viewer", False)
    one = f"{MEMBERS}/{bo['id']}"
    changed = office.call("PUT", one, {"role": "editor", "contacts": False}, SHOES).json
    assert changed == bo | {"role": "editor", "contacts": True}, "an editor sees contacts"
    assert office.call("DELETE", one, key=SHOES).json == changed
    assert [one["name"] for one in office.get(MEMBERS, SHOES)["members"]] == ["Ana"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("POST", INVITATIONS, {"email": "bo", "role": "viewer"}, 422, "invalid"),
        ("POST", INVITATIONS, {"email": "bo@shop.test", "role": "boss"}, 422, "invalid"),
        ("POST", INVITATIONS, {"email": "ana@shop.test", "role": "viewer"}, 409, "already_member"),
        ("PUT", MEMBERS + "/{ana}", {"role": "viewer"}, 409, "last_owner"),
        ("DELETE", MEMBERS + "/{ana}", None, 409, "last_owner"),
        ("DELETE", MEMBERS + "/000000000000", None, 404, "not_found"),
        ("DELETE", "/invitations/000000000000", None, 404, "not_found"),
        ("GET", "/accounts/0/members", None, 403, "not_allowed"),
        ("POST", "/accounts/0/invitations", BO, 403, "not_allowed"),
    ],
)
def test_what_is_refused_says_why(
    office: Office, method: str, path: str, body: Any, status: int, reason: str
) -> None:
    add_person(office)
    (ana,) = office.get(MEMBERS)["members"]
    answer = office.call(method, path.format(ana=ana["id"]), body, SHOES)
    assert (answer.status_code, (answer.json or {})["reason"]) == (status, reason)


def test_another_account_sees_and_changes_nothing(office: Office) -> None:
    add_person(office)
    (ana,) = office.get(MEMBERS)["members"]
    made = office.post(INVITATIONS, BO, SHOES)
    for method, path, body in (
        ("GET", MEMBERS, None),
        ("POST", INVITATIONS, BO),
        ("PUT", f"{MEMBERS}/{ana['id']}", {"role": "viewer"}),
        ("DELETE", f"{MEMBERS}/{ana['id']}", None),
        ("DELETE", f"/invitations/{made['id']}", None),
    ):
        assert office.call(method, path, body, HATS).status_code == 404
    assert office.call("DELETE", f"/invitations/{made['id']}", key=SHOES).status_code == 200
    assert office.browser.get(_LINK.findall(made["link"])[0]).status_code == 404


def test_the_people_of_the_whole_installation_have_number_0(office: Office) -> None:
    made = office.post("/accounts/0/invitations", {"email": "op@shop.test", "role": "owner"}, ALL)
    assert _join(office, made["link"]).status_code == 303
    assert [one["email"] for one in office.get("/accounts/0/members", ALL)["members"]] == ["op@shop.test"]


def test_with_smtp_settings_only_the_invited_address_gets_the_link(office: Office, place: PostOffice) -> None:
    assert office.post(INVITATIONS, BO, SHOES)["link"] is None
    form = {"step": "invite", "email": "cy@shop.test", "role": "editor"}
    page = office.page("/accounts/7/members?lang=es", SHOES, method="POST", data=form)
    assert "La invitación se ha enviado a cy@shop.test" in unescape(page.text)
    assert not _LINK.search(page.text)
    first, second = place.mails
    assert (first["To"], second["To"]) == ("bo@shop.test", "cy@shop.test")
    assert first["Subject"] == "Invitation to Salepixel (Shoes 7)"
    assert second["Subject"] == "Invitación a Salepixel (Shoes 7)"
    assert "http://127.0.0.1:8081/join/" in first.get_content()
    for mail in place.mails:
        assert _join(office, mail.get_content()).status_code == 303


def test_without_smtp_settings_the_page_says_that_the_link_works_for_everybody(office: Office) -> None:
    form = {"step": "invite", "email": "bo@shop.test", "role": "editor"}
    before = unescape(office.page("/accounts/7/members", SHOES).text)
    assert "Everybody who has the link can use it." in before
    page = unescape(office.page("/accounts/7/members", SHOES, method="POST", data=form).text)
    assert "Everybody who has it can use it, so send it to this person only." in page
    assert _LINK.search(page)


def test_an_email_that_cannot_be_sent_leaves_no_invitation(office: Office) -> None:
    with post_office(answers={"RCPT": "550 unknown"}) as place:
        _use(office, place.port)
        answer = office.call("POST", INVITATIONS, BO, SHOES)
        assert (answer.status_code, (answer.json or {})["reason"]) == (409, "invitation_not_sent")
        assert "The server refused the recipient's address." in (answer.json or {})["message"]
        form = {"step": "invite", "email": "cy@shop.test", "role": "editor"}
        page = office.page("/accounts/7/members", SHOES, method="POST", data=form)
    assert (page.status_code, "Nobody was invited" in page.text) == (422, True)
    assert office.get(MEMBERS, SHOES)["invitations"] == []


def test_an_email_that_cannot_be_sent_leaves_the_earlier_invitation_valid(office: Office) -> None:
    with post_office() as place:
        _use(office, place.port)
        earlier = office.post(INVITATIONS, BO, SHOES)
        (mail,) = place.mails
    with post_office(answers={"RCPT": "550 unknown"}) as place:
        _use(office, place.port)
        assert office.call("POST", INVITATIONS, BO, SHOES).status_code == 409
    assert [one["id"] for one in office.get(MEMBERS, SHOES)["invitations"]] == [earlier["id"]]
    assert _join(office, mail.get_content()).status_code == 303


@pytest.mark.parametrize("by_mail", [True, False])
def test_a_new_invitation_ends_the_earlier_one_of_the_same_person_alone(
    office: Office, by_mail: bool
) -> None:
    with post_office() as place:
        if by_mail:
            _use(office, place.port)
        first, other, second = (
            office.post(INVITATIONS, BO | {"email": email}, SHOES)
            for email in ("bo@shop.test", "cy@shop.test", "bo@shop.test")
        )
    found = [one["id"] for one in office.get(MEMBERS, SHOES)["invitations"]]
    assert sorted(found) == sorted([other["id"], second["id"]])
    assert first["id"] not in found


@pytest.mark.parametrize("smtp", [True, False])
def test_a_shown_link_has_a_copy_button(office: Office, smtp: bool) -> None:
    with post_office() as place:
        if smtp:
            _use(office, place.port)
        form = {"step": "invite", "email": "bo@shop.test", "role": "editor"}
        page = office.page("/accounts/7/members", SHOES, method="POST", data=form)
    assert ('data-copies="new-link"' in page.text) is not smtp
    assert ('id="new-link"><code class="url">http' in page.text) is not smtp


def test_a_person_or_an_invitation_is_removed_only_after_a_second_press(office: Office) -> None:
    add_person(office)
    office.post(INVITATIONS, BO, SHOES)
    page = office.page("/accounts/7/members", SHOES).text
    assert len(re.findall(r'value="(?:remove|withdraw)"', page)) == 2
    assert not re.findall(r'value="(?:remove|withdraw)"', re.sub(r"(?s)<details.*?</details>", "", page))


def test_an_account_sends_few_invitations(
    office: Office, place: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "MAX_MAILS", 1)
    assert office.call("POST", INVITATIONS, BO, SHOES).status_code == 201
    limited = office.call("POST", INVITATIONS, BO | {"email": "cy@shop.test"}, SHOES)
    assert (limited.status_code, (limited.json or {})["reason"]) == (429, "too_many_mails")
    assert [one["email"] for one in office.get(MEMBERS, SHOES)["invitations"]] == ["bo@shop.test"]
