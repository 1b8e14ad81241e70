"""One bad line spoils no other, whatever the bytes."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from salepixel.accounts.declined import Invalid
from salepixel.lists.incoming import PIECE, lines_of, read_incoming
from salepixel.lists.layout import Layout, Role, propose
from salepixel.lists.records import MAX_LINES, MAX_RECORD, read_records
from salepixel.lists.rows import Entry, read_row

LAYOUT = Layout(",", False, (Role.REFERENCE, Role.EMAIL))


def entries(raw: bytes, separator: str = ",", size: int = 1000) -> list[str]:
    """The references of the good lines of a file that arrives in chunks."""
    chunks = (raw[start : start + size] for start in range(0, len(raw), size))
    pieces = list(read_incoming(chunks).pieces)
    lines = (text for piece in pieces for text, _ in lines_of(piece))
    layout = Layout(separator, False, LAYOUT.roles)
    rows = (read_row(record.fields, layout) for record in read_records(lines, separator))
    return [row.ref for row in rows if isinstance(row, Entry)]


def test_a_quote_that_is_never_closed_spoils_one_line() -> None:
    good = "".join(f"c{n},c{n}@shop.test\n" for n in range(3000))
    text = f'x,"ana\n{good}y,"bo@shop.test\n{good}'
    found = entries(text.encode())
    assert found == [f"c{n}" for n in range(3000)] * 2


def test_a_record_may_have_several_lines() -> None:
    records = list(read_records(['c1,"a\r\n', 'b"\r\n', "c2,x\n"], ","))
    assert [(one.fields, one.lines) for one in records] == [(["c1", "a\r\nb"], 2), (["c2", "x"], 1)]


def test_quotes_that_are_never_closed_do_not_have_a_file_read_many_times() -> None:
    read = 0

    def lines() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield 'c1","\n'

    records = list(islice(read_records(lines(), ","), 100))
    assert {one.fields is None for one in records} == {True}
    assert read < 100 + 2 * MAX_LINES


def test_a_line_without_an_end_stays_within_memory() -> None:
    raw = b"c1,a@b.test\n" + b"x" * (5 * PIECE) + b"\nc2,b@b.test\n"
    assert entries(raw) == ["c1", "c2"]
    assert max(map(len, read_incoming([raw]).pieces)) < PIECE + 2 * MAX_RECORD


def test_every_encoding_and_line_end_is_read() -> None:
    text = "josé,a@b.test{end}ñ2,b@b.test{end}c3,c@b.test"
    for end in ("\n", "\r\n", "\r"):
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1252"):
            raw = text.format(end=end).encode(encoding)
            for size in (7, 1000):
                assert entries(raw, size=size) == ["josé", "ñ2", "c3"], (end, encoding)


def test_a_formula_is_a_text() -> None:
    assert entries(b"=1+1,a@b.test\n+34600,b@b.test\n@x,c@b.test\n") == ["=1+1", "+34600", "@x"]


good_lines = st.lists(st.integers(0, 10**9), max_size=20).map(
    lambda numbers: [f"c{n},c{n}@b.test\n" for n in numbers]
)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_by_name(raw: bytes) -> None:
    with suppress(Invalid):
        entries(raw, size=50)
    propose([text for text, _ in lines_of(raw)][:50])


@given(good_lines, st.binary(max_size=60).filter(lambda raw: b'"' not in raw), good_lines)
def test_good_lines_around_a_bad_one_are_imported(before: list[str], bad: bytes, after: list[str]) -> None:
    raw = b"c,a@b.test\n" * 40 + "".join(before).encode() + bad + b"\n" + "".join(after).encode()
    found = entries(raw)
    wanted = [line.partition(",")[0] for line in before + after]
    assert found[:40] == ["c"] * 40
    assert found[40 : 40 + len(before)] == wanted[: len(before)]
    assert found[len(found) - len(after) :] == wanted[len(before) :]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=30))
def test_each_line_is_in_exactly_one_record(texts: list[str]) -> None:
    lines = [text.replace("\n", "").replace("\r", "") + "\n" for text in texts]
    assert sum(record.lines for record in read_records(lines, ",")) == len(lines)
