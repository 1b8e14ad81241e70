"""Time zones: only names whose days are those of a calendar."""

import pytest

from salepixel.reading.zones import read_zone


@pytest.mark.parametrize("name", ["UTC", "Europe/Madrid", "America/Argentina/Buenos_Aires", "Asia/Kathmandu"])
def test_an_iana_name_is_a_time_zone(name: str) -> None:
    assert read_zone(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CET",
        "Europe",
        "Europe/Nowhere",
        "America/Indiana",
        "right/UTC",
        "../etc/passwd",
        "/etc/passwd",
        "Europe/Madrid\0",
        "localtime",
    ],
)
def test_another_text_is_no_time_zone(text: str) -> None:
    with pytest.raises(ValueError, match="Europe/Madrid"):
        read_zone(text)
