"""Rules for links in the HTML of a mail: found as browsers, Outlook and templates need it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salepixel.mails.html import find_links

FOUND = [
    ("double quotes", '<a href="https://s/1">Buy</a>', [("https://s/1", "a", "Buy")]),
    ("single quotes", "<a href='https://s/1'>Buy</a>", [("https://s/1", "a", "Buy")]),
    ("no quotes", "<a class=x href=https://s/1 id=y>Buy</a>", [("https://s/1", "a", "Buy")]),
    ("no quotes, end of tag", "<a href=https://s/1>Buy</a>", [("https://s/1", "a", "Buy")]),
    ("upper case, spaces, lines", '<A\r\nHREF = "https://s/1"\r\n>Buy</A>', [("https://s/1", "a", "Buy")]),
    ("line break in the address", '<a href=" https://s/\r\n1 ">Buy</a>', [("https://s/1", "a", "Buy")]),
    (
        "entities",
        '<a href="https://s/?a=1&amp;b=2&#38;c=3">B&eacute;</a>',
        [("https://s/?a=1&b=2&c=3", "a", "Bé")],
    ),
    (
        "no entity without ;",
        '<a href="https://s/?a=1&copy=2&lt=3">x</a>',
        [("https://s/?a=1&copy=2&lt=3", "a", "x")],
    ),
    ("first of two", '<a href="https://s/1" href="https://s/2">x</a>', [("https://s/1", "a", "x")]),
    ("picture", '<a href="https://s/1"><img src="x.png" alt="A cup"></a>', [("https://s/1", "a", "A cup")]),
    (
        "nested",
        '<a href="https://s/1">x<a href="https://s/2">y</a>',
        [("https://s/1", "a", "x"), ("https://s/2", "a", "y")],
    ),
    ("never closed", '<p><a href="https://s/1">x <b>y', [("https://s/1", "a", "x y")]),
    ("area", '<map><area href="https://s/1" alt="Left"></map>', [("https://s/1", "area", "Left")]),
    (
        "Outlook's button",
        '<!--[if mso]><v:roundrect href="https://s/1"><center>Buy</center></v:roundrect><![endif]-->',
        [("https://s/1", "vml", "Buy")],
    ),
    (
        "not Outlook",
        '<!--[if !mso]><!--><a href="https://s/1">x</a><!--<![endif]-->',
        [("https://s/1", "a", "x")],
    ),
    ("revealed", '<![if !mso]><a href="https://s/1">x</a><![endif]>', [("https://s/1", "a", "x")]),
    (
        "quotes in Go templates",
        '<a href="{{ TrackLink "https://s/1" . }}">x</a>',
        [('{{ TrackLink "https://s/1" . }}', "a", "x")],
    ),
    ("no quotes around a tag", "<a href=*|IF:VIP|*https://s/1>x</a>", [("*|IF:VIP|*https://s/1", "a", "x")]),
    ("no quotes, spaces in a tag", "<a href={{ url }} id=y>x</a>", [("{{ url }}", "a", "x")]),
    ("condition in a tag", '<a {{#if vip}}href="https://s/1"{{/if}}>x</a>', [("https://s/1", "a", "x")]),
    (
        "bracket in a condition",
        '{% if a <b %}<a href="https://s/1">x</a>{% endif %}',
        [("https://s/1", "a", "x")],
    ),
    ("AMPscript", '%%[ set @x = "<a href=1>" ]%%<a href="%%=v(@x)=%%">x</a>', [("%%=v(@x)=%%", "a", "x")]),
    ("mark without an end", '<p>{{ <a href="https://s/1">x</a>', [("https://s/1", "a", "x")]),
    (
        "mark in an address",
        '<a href="https://s/{{">x</a> <a href="https://s/2">y</a> }}',
        [("https://s/{{", "a", "x"), ("https://s/2", "a", "y")],
    ),
    ("empty", '<a href="">x</a>', [("", "a", "x")]),
    ("slashes between attributes", '<a/href="https://s/1"/>x</a>', [("https://s/1", "a", "x")]),
]


@pytest.mark.parametrize(("html", "links"), [case[1:] for case in FOUND], ids=[case[0] for case in FOUND])
def test_a_link_is_found_as_people_see_it(html: str, links: list[tuple[str, str, str]]) -> None:
    found = find_links(html)
    assert [(link.address, link.element, link.text) for link in found] == links
    assert all(html[link.start : link.end] == link.raw for link in found)


@pytest.mark.parametrize(
    "html",
    [
        '<!-- <a href="https://s/1">x</a> -->',
        "<script>'<a href=\"https://s/1\">'</script>",
        '<style>/* <a href="https://s/1"> */</style>',
        '<title><a href="https://s/1"></title>',
        '<link href="https://s/1"><base href="https://s/2"><img src="https://s/3">',
        "<a name=top>x</a><a href>y</a>",
        '<a href="https://s/1',
        '<a href="https://s/1" ',
        "< a href=https://s/1>",
        "<a data-href=https://s/1>",
        "</a href=https://s/1>",
        '<p title="<a href=https://s/1>">',
    ],
)
def test_what_nobody_can_click_is_not_a_link(html: str) -> None:
    assert find_links(html) == []


TAGS = ["<a ", "<area ", "<v:rect ", "> ", "</a>", "<!--", "-->", "<!--[if mso]>", "<![endif]-->", "<script>"]
MARKS = [
    "{{",
    "}}",
    "{%",
    "%}",
    "*|",
    "|*",
    "%%[",
    "]%%",
    "</script>",
    "<",
    "/",
    "&amp;",
    "&",
    "=",
    "x",
    " ",
    "\n",
]
ATTRIBUTES = ["href=", "href = ", '"', "'", "https://s/1", '<img alt="']
PIECES = st.sampled_from(TAGS + MARKS + ATTRIBUTES)


@given(st.lists(PIECES, max_size=60).map("".join))
def test_any_text_is_read_to_its_end(html: str) -> None:
    found = find_links(html)
    ends = [0]
    for link in found:
        assert link.start >= ends[-1]
        assert html[link.start : link.end] == link.raw
        ends.append(link.end)
