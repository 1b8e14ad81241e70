"""Receives a file and stores it in pieces, so that memory and transactions stay small."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import islice

from salepixel.accounts.declined import Conflict
from salepixel.accounts.principal import Principal
from salepixel.keys import Keys
from salepixel.lists import store
from salepixel.lists.incoming import read_incoming
from salepixel.lists.store import ContactList
from salepixel.lists.use_cases import begin_list
from salepixel.storage.database import Database

PIECES_AT_ONCE = 16
"""The pieces of a transaction: 1 MB takes 30 ms."""


def receive_list(
    database: Database,
    principal: Principal,
    keys: Keys,
    emp_id: int,
    campaign_id: str | None,
    name: str,
    chunks: Iterable[bytes],
    now: datetime,
) -> ContactList:
    """Store a file as a list; `name`: of the file. Raises Declined; then nothing of it can be seen.

    What arrived of a file that did not arrive completely is deleted after a day.
    """
    incoming = read_incoming(chunks)  # before anything is stored
    pieces, size, lines, count, encoding = iter(incoming.pieces), 0, 0, 0, incoming.encoding or "UTF-8"
    with database.write() as connection:
        new = begin_list(connection, principal, emp_id, campaign_id, name, now)
    while some := list(islice(pieces, PIECES_AT_ONCE)):
        size, lines = size + sum(map(len, some)), lines + sum(map(_count_lines, some))
        if not all(map(_is_utf8, some)):
            encoding = "windows-1252"
        with database.write() as connection:
            if not store.add_pieces(connection, keys, new.id, count, some):
                raise Conflict("list_gone")  # with its campaign, or because a person is erased
        count += len(some)
    whole = replace(new, encoding=encoding, size=size, lines=lines, pieces=count)
    with database.write() as connection:
        store.complete_list(connection, whole)
    return whole


def _count_lines(piece: bytes) -> int:
    ends = piece.count(b"\n") or piece.count(b"\r")
    return ends + (not piece.endswith((b"\n", b"\r")))


def _is_utf8(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True
