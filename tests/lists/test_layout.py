"""Columns are recognised by their names, in English and Spanish and of exports, or by their contents."""

import pytest

from salepixel.lists.layout import Role, propose, read_consent

R, E, C, OUT, SENT, _ = (
    Role.REFERENCE,
    Role.EMAIL,
    Role.CONSENT,
    Role.OPT_OUT,
    Role.SENT_AT,
    Role.IGNORED,
)

NAMED = [
    ("reference,email,consent\nc1,ana@shop.test,yes\n", ",", (R, E, C)),
    ("Referencia;Correo electrónico;Consentimiento\r\nc1;ana@shop.test;sí\r\n", ";", (R, E, C)),
    ("E-Mail\tName\tID\nana@shop.test\tAna\t7\nbo@shop.test\tBo\t8\n", "\t", (E, _, R)),
    ("Email Address,First Name,MEMBER_RATING,LEID,EUID\na@b.test,Ana,2,77,0a1b\n", ",", (E, _, _, _, R)),
    ('"CONTACT ID";"EMAIL";"BLOCKLISTED"\n"1";"a@b.test";"Yes"\n', ";", (R, E, OUT)),
    ("Email,Klaviyo ID,Email Marketing Consent\na@b.test,01H,SUBSCRIBED\n", ",", (E, R, C)),
    ("Record ID,First Name,Email,Unsubscribed from all email\n51,Ana,a@b.test,\n", ",", (R, _, E, OUT)),
    ("Subscriber,Status,Reference\na@b.test,active,c1\nb@b.test,unsubscribed,c2\n", ",", (E, C, R)),
    ("Reference,Status,E-mail\nc1,shipped,a@b.test\nc2,waiting,b@b.test\n", ",", (R, _, E)),
    ("Reference,Sent at\nc1,2026-11-28 10:00\nc2,\n", ",", (R, SENT)),
    ("Referencia;Fecha de envío;Email\nc1;2026-11-28T10:00:00+01:00;a@b.test\n", ";", (R, SENT, E)),
    ("Reference,Sent at\nc1,yes\nc2,no\n", ",", (R, _)),
    ("Código,Dirección\nc1,a@b.test\nc2,b@b.test\nc3,c@b.test\n", ",", (R, E)),
]

UNNAMED = [
    ("c1,ana@shop.test\nc2,bo@shop.test\n", ",", (R, E)),
    ("ana@shop.test;c1;sí\nbo@shop.test;c2;no\n", ";", (E, R, C)),
    ("c1\nc2\nc3\n", None, (R,)),
    ("c1|ana@shop.test\n", "|", (R, E)),
    ("x;1;ana@shop.test\nx;2;bo@shop.test\nx;3;\n", ";", (_, R, E)),
]


@pytest.mark.parametrize(("text", "separator", "roles"), NAMED)
def test_a_list_with_names_is_recognised(text: str, separator: str, roles: tuple[Role, ...]) -> None:
    found = propose(text.splitlines(keepends=True))
    assert (found.separator, found.has_header, found.roles) == (separator, True, roles)


@pytest.mark.parametrize(("text", "separator", "roles"), UNNAMED)
def test_a_list_without_names_is_recognised_by_its_contents(
    text: str, separator: str | None, roles: tuple[Role, ...]
) -> None:
    found = propose(text.splitlines(keepends=True))
    assert (found.has_header, found.roles) == (False, roles)
    assert separator in (found.separator, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes", True),
        ("sí", True),
        ("1", True),
        ("Subscribed", True),
        ("NO", False),
        ("opt-out", False),
        ("Dado de baja", False),
        ("withdrawn", False),
        ("0", False),
        ("maybe", None),
        ("", None),
    ],
)
def test_consent_is_read_in_both_languages(text: str, said: bool | None) -> None:
    assert read_consent(text) is said
