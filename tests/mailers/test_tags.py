"""Merge tags of all platforms, found in addresses, as addresses and as references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.mailers.tags import FORMS, PAIRS, begins_with_expression, find_tag, is_merge_tag, is_whole_tag


@pytest.mark.parametrize(
    "text",
    [
        "{contact}",
        "{{ .Subscriber.UUID }}",
        "{%if x",
        "*|UNIQID|*",
        "{$email}",
        "{contactfield=id}",
        "[%Field%]",
        "[[id]]",
        "%%emailaddr%%",
        "%EMAIL%",
        "__test_email__",
        "c_id",
        "00000000-0000-0000-0000-000000000000",
        "0",
        "[% if x %]",
        "first }}",
    ],
)
def test_a_merge_tag_that_was_not_filled_is_no_reference(text: str) -> None:
    assert is_merge_tag(text)


@pytest.mark.parametrize("text", ["", "c1", "c_id2", "50%", "a%20b", "[x]", "{x}"])
def test_other_text_is_a_reference(text: str) -> None:
    assert not is_merge_tag(text)


@pytest.mark.parametrize(
    ("address", "tag"),
    [
        ("https://shop.test/?a={{ x }}&b=1", "{{ x }}"),
        ("https://shop.test/?a=%7B%7Bx%7D%7D", "{{x}}"),
        ("https://shop.test/*|X|*", "*|X|*"),
        ("https://shop.test/%%x%%/p", "%%x%%"),
        ("https://shop.test/?a=%EMAIL%", "%EMAIL%"),
        ("https://shop.test/?a=%CAMPAIGNID%", "%CAMPAIGNID%"),
        ("https://shop.test/?a=%CAMPAIGNID%#x", "%CAMPAIGNID%"),
        ("https://shop.test/%MESSAGEID%/p", "%MESSAGEID%"),
        ("https://shop.test/?a={$name}", "{$name}"),
        ("https://shop.test/?a={contactfield=id}", "{contactfield=id}"),
        ("https://shop.test/?a={contact}", "{contact}"),
        ("https://shop.test/?a=[[contact.x]]", "[[contact.x]]"),
        ("https://shop.test/?a=%%=v(@x)=%%", "%%=v(@x)=%%"),
        ("https://shop.test/?a=%C3%A9%C3%A9", None),
        ("https://shop.test/?a=%CA%FE&b=50%25", None),
        ("https://shop.test/?filter[a]=1&json={a}", None),
        ("https://shop.test/{{", None),
        ("https://shop.test/[id]", None),
    ],
)
def test_a_tag_in_an_address_is_found_whole(address: str, tag: str | None) -> None:
    assert find_tag(address) == tag


@pytest.mark.parametrize(
    ("address", "is_tag"),
    [
        ("{{ unsubscribe }}", True),
        ("https://{{ url }}", True),
        ("*|UNSUB|*", True),
        ("%UNSUBSCRIBELINK%", True),
        ("%FORWARD2FRIEND%", True),
        ("{unsubscribe_url}", True),
        ("{pagelink=3}", True),
        ("{$unsubscribe}", True),
        ("[unsubscribe]", True),
        ("[% url %]", True),
        ("%%unsub_center_url%%", True),
        ("<%= unsubscribe %>", True),
        ("{{ base }}/p", False),
        ("https://shop.test/{{ x }}", False),
        ("{}", False),
        ("", False),
    ],
)
def test_an_address_that_is_one_tag_is_recognized(address: str, is_tag: bool) -> None:
    assert is_whole_tag(address) == is_tag
    assert begins_with_expression("{{ base }}/p")


def test_a_mail_is_searched_for_every_expression() -> None:
    assert PAIRS == {
        "{{": "}}",
        "{%": "%}",
        "{#": "#}",
        "*|": "|*",
        "[[": "]]",
        "[%": "%]",
        "%%[": "]%%",
        "%%=": "=%%",
        "<%": "%>",
    }


@given(st.sampled_from(FORMS), st.text("ABCMXYZ", min_size=2, max_size=10))
def test_a_tag_of_every_form_is_recognized_in_every_place(form: object, word: str) -> None:
    assert form in FORMS
    written = {"{contactfield": "{contactfield=" + word + "}"}.get(form.opening, "")
    tag = written or f"{form.opening}{'contact' if form.name == 'contact' else word}{form.closing}"
    assert is_whole_tag(tag)
    if not form.only_whole:
        assert is_merge_tag(tag)
        assert find_tag(f"https://shop.test/?a={tag}") == tag


@given(st.text(alphabet="{}%*|[]<>$=#aA0 ", max_size=60))
def test_any_text_is_searched(text: str) -> None:
    for search in (find_tag, is_whole_tag, is_merge_tag, begins_with_expression):
        search(text)
