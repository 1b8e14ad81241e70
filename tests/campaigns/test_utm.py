"""Destinations get UTM parameters by pattern, and keep those that they have."""

import pytest

from salepixel.campaigns.links import with_further
from salepixel.campaigns.utm import (
    BadPattern,
    Utm,
    check_pattern,
    read_utm,
    utm_of_all,
    with_utm,
    without_utm,
)

ALL = Utm("newsletter", "email", "{campaign}", "{link}-{position}", "shoes")


@pytest.mark.parametrize(
    ("url", "utm", "led"),
    [
        ("https://shop.test/", Utm(), "https://shop.test/"),
        ("https://shop.test/", Utm(source="a"), "https://shop.test/?utm_source=a"),
        (
            "https://shop.test/p?a=b#top",
            Utm("a", "b"),
            "https://shop.test/p?a=b&utm_source=a&utm_medium=b#top",
        ),
        (
            "https://shop.test/",
            ALL,
            "https://shop.test/?utm_source=newsletter&utm_medium=email&utm_campaign=Oto%C3%B1o%20%26%20m%C3%A1s&utm_content=Hero-3&utm_term=shoes",
        ),
        (
            "https://shop.test/?utm_source=own",
            Utm("a", "b"),
            "https://shop.test/?utm_source=own&utm_medium=b",
        ),
        ("https://shop.test/?utm_source=", Utm("a"), "https://shop.test/?utm_source="),
        ("https://shop.test/?utm%5Fsource=own", Utm("a"), "https://shop.test/?utm%5Fsource=own"),
        ("https://shop.test/#utm_source=own", Utm("a"), "https://shop.test/?utm_source=a#utm_source=own"),
        (
            "https://shop.test/?utm_source=own&b=1&utm_source=two",
            Utm("a", replace=True),
            "https://shop.test/?b=1&utm_source=a",
        ),
    ],
)
def test_a_destination_gets_the_parameters_that_it_does_not_have(url: str, utm: Utm, led: str) -> None:
    assert with_utm(url, utm, "Otoño & más", "Hero", 3) == led
    assert with_utm(led, utm, "Otoño & más", "Hero", 3) == led
    if not utm.replace:
        assert without_utm(led, utm, "Otoño & más", "Hero", 3) in (url, led)


def test_a_link_without_a_label_is_named_by_its_position() -> None:
    assert (
        with_utm("https://shop.test/", Utm(content="{link}"), "", "", 3) == "https://shop.test/?utm_content=3"
    )


@pytest.mark.parametrize(
    "pattern", ["", "email", "{campaign}", "x-{link}-{position}{position}", "100%", "a b"]
)
def test_a_pattern_may_have_the_three_placeholders(pattern: str) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("{kampaign}", "{kampaign}"),
        ("{}", "{}"),
        ("{Campaign}", "{Campaign}"),
        ("{{ campaign }}", "{{ campaign }"),
        ("{campaign", "{"),
        ("}", "}"),
    ],
)
def test_unknown_placeholders_are_refused_with_the_known_ones(pattern: str, named: str) -> None:
    with pytest.raises(BadPattern) as refused:
        check_pattern(pattern)
    assert (
        str(refused.value)
        == f"has {named}, which is none of the placeholders {{campaign}}, {{link}}, {{position}}"
    )


def test_patterns_are_read_as_they_were_stored() -> None:
    for utm in (Utm(), ALL, Utm(term="{link}", replace=True)):
        assert read_utm(utm.as_text()) == utm
    assert Utm(replace=True).as_text() == ""


def test_a_dynamic_link_has_the_parameters_that_all_links_share() -> None:
    assert utm_of_all(ALL, "Autumn") == {
        "utm_source": "newsletter",
        "utm_medium": "email",
        "utm_campaign": "Autumn",
        "utm_term": "shoes",
    }


@pytest.mark.parametrize(
    ("url", "appended", "led"),
    [
        ("https://shop.test/?utm_source=own", "utm_source=a&utm_term=b", "https://shop.test/?utm_source=own&utm_term=b"),
        ("https://shop.test/?utm_source=own", "utm_source=a", "https://shop.test/?utm_source=own"),
        ("https://shop.test/?f=1", "utm_term=a&b=2&utm_term=own", "https://shop.test/?f=1&b=2&utm_term=own"),
        ("https://shop.test/?f=1#top", "f=2", "https://shop.test/?f=1&f=2#top"),
    ],
)  # fmt: skip
def test_the_address_of_a_dynamic_link_keeps_its_own_utm_parameters(
    url: str, appended: str, led: str
) -> None:
    assert with_further(url, appended) == led
