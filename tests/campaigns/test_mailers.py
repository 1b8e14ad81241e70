"""Merge tags: one list, and every reader of links recognizes an unreplaced one."""

import pytest

from salepixel.campaigns.links import BadDestination, read_destination
from salepixel.campaigns.mailers import TAGS, BadTag, contact_tag
from salepixel.reading.references import is_merge_tag

KNOWN = [(mailer, tag) for mailer, tag in TAGS.items() if tag]


@pytest.mark.parametrize(("mailer", "tag"), KNOWN)
def test_an_unreplaced_merge_tag_is_not_a_contact(mailer: str, tag: str) -> None:
    assert is_merge_tag(tag)
    assert contact_tag(mailer, None) == tag


@pytest.mark.parametrize(("mailer", "tag"), KNOWN)
def test_a_destination_contains_no_merge_tag(mailer: str, tag: str) -> None:
    with pytest.raises(BadDestination):
        read_destination(f"https://shop.test/?a={tag}".replace(" ", "%20").replace("|", "%7C"), "spx")


@pytest.mark.parametrize("mailer", [mailer for mailer, tag in TAGS.items() if tag is None])
def test_a_mailer_without_a_known_merge_tag_needs_one(mailer: str) -> None:
    with pytest.raises(BadTag) as raised:
        contact_tag(mailer, None)
    assert raised.value.field == "contact_tag"
    assert contact_tag(mailer, "[[id]]") == "[[id]]"
