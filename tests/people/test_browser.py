"""How the list of sessions names a browser."""

import pytest

from salepixel.people.browser import describe_browser

_CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (f"{_CHROME} Safari/537.36", "Chrome, Windows"),
        (f"{_CHROME} Safari/537.36 Edg/142.0.0.0", "Edge, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari, iPhone",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
        ("\x00" + "x" * 500, "\ufffd" + "x" * 79),
    ],
)
def test_a_browser_is_named_by_itself_and_its_system(agent: str, name: str) -> None:
    assert describe_browser(agent) == name
