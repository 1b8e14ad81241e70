"""Merge tags: one list, and every reader of links recognizes an unreplaced one."""

import pytest

from salepixel.campaigns.links import BadDestination, read_destination
from salepixel.mailers.contact_tag import BadTag, contact_tag
from salepixel.mailers.known import PLATFORMS
from salepixel.mailers.tags import is_merge_tag

KNOWN = [(key, one.contact_tag) for key, one in PLATFORMS.items() if one.contact_tag]


@pytest.mark.parametrize(("mailer", "tag"), KNOWN)
def test_an_unreplaced_merge_tag_is_not_a_contact(mailer: str, tag: str) -> None:
    assert is_merge_tag(tag)
    assert contact_tag(mailer, None) == tag


@pytest.mark.parametrize(("mailer", "tag"), KNOWN)
def test_a_destination_contains_no_merge_tag(mailer: str, tag: str) -> None:
    with pytest.raises(BadDestination):
        read_destination(f"https://shop.test/?a={tag}".replace(" ", "%20").replace("|", "%7C"), "spx")


@pytest.mark.parametrize("mailer", [key for key, one in PLATFORMS.items() if one.contact_tag is None])
def test_a_mailer_without_a_known_merge_tag_needs_one(mailer: str) -> None:
    with pytest.raises(BadTag) as raised:
        contact_tag(mailer, None)
    assert raised.value.field == "contact_tag"
    assert contact_tag(mailer, "[[id]]") == "[[id]]"
