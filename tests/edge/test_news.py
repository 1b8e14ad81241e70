"""Hits of unknown accounts wait for a new directory, but only a limited number of them."""

import asyncio
from pathlib import Path
from typing import cast

from salepixel.settings import EdgeSettings
from salepixel.wire.directory import Directory
from salepixel_edge.app import MAX_UNKNOWN_ACCOUNT_HITS, Edge
from salepixel_edge.board import Board
from salepixel_edge.connection import Connection
from salepixel_edge.directory import keep_directory
from salepixel_edge.request import Request


class Visitor:
    def __init__(self) -> None:
        self.answers: list[bytes] = []

    def send(self, answer: bytes) -> None:
        self.answers.append(answer)


def test_only_a_limited_number_of_hits_of_unknown_accounts_wait(tmp_path: Path) -> None:
    keep_directory(tmp_path, Directory({7: ("", "")}).to_json().encode())
    settings = EdgeSettings.load(
        {"SALEPIXEL_DATA": str(tmp_path), "SALEPIXEL_REDIS_URL": f"unix://{tmp_path}/nobody.sock"}
    )
    visitors = [Visitor() for _ in range(MAX_UNKNOWN_ACCOUNT_HITS + 50)]

    async def flood() -> None:
        edge = Edge(settings, asyncio.get_running_loop(), Board(1), 0)
        for visitor in visitors:
            hit = Request(b"GET", b"/track/sale", b"empId=66", {}, b"192.0.2.1")
            edge.handle(hit, cast(Connection, visitor))
        assert [bool(visitor.answers) for visitor in visitors] == [False] * MAX_UNKNOWN_ACCOUNT_HITS + [
            True
        ] * 50
        while not all(visitor.answers for visitor in visitors):  # noqa: ASYNC110  # bounded below
            await asyncio.sleep(0.01)
        edge.close()

    asyncio.run(asyncio.wait_for(flood(), 20))
    for visitor in visitors:
        (answer,) = visitor.answers
        assert b"x-salepixel: ignored; unknown_account\r\n" in answer
