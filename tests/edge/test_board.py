import multiprocessing
from typing import Any

import pytest

from salepixel_edge import board as board_module
from salepixel_edge.board import PAGE, Board
from tests.waiting import until


def test_the_latest_report_of_each_process_is_read() -> None:
    board = Board(3)
    assert board.read() == []
    board.publish(0, {"lag": 1})
    board.publish(2, {"lag": 2, "counts": {"clicks": 3}})
    board.publish(0, {"lag": 4})
    assert board.read() == [{"lag": 4, "stuck": False}, {"lag": 2, "counts": {"clicks": 3}, "stuck": False}]


def test_a_process_that_stops_reporting_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(1)
    board.publish(0, {})
    assert board.read() == [{"stuck": False}]
    monkeypatch.setattr(board_module, "STUCK_SECONDS", 0)
    assert until(lambda: board.read() == [{"stuck": True}])
    monkeypatch.undo()
    board.publish(0, {})
    assert board.read() == [{"stuck": False}]


@pytest.mark.parametrize("damage", [b"\xff" * 8, b"\0\0\0\0\0\0\0\x05", b"\0\0\0\0\xff\xff\xff\xff"])
def test_a_half_written_report_is_not_read(damage: bytes) -> None:
    board = Board(2)
    board.publish(0, {"a": 1})
    board.publish(1, {"b": 2})
    board._memory[0:8] = damage
    assert board.read() == [{"b": 2, "stuck": False}]


def test_an_oversized_report_is_dropped_and_damages_no_other() -> None:
    board = Board(2)
    board.publish(1, {"b": 2})
    board.publish(0, {"text": "x" * PAGE})
    assert board.read() == [{"b": 2, "stuck": False}]


def _tell(board: Board, page: int, enough: Any) -> None:
    number = 0
    while not enough.is_set():
        number += 1
        board.publish(page, {"number": number, "padding": "x" * (number % 700)})


def test_forked_processes_write_and_read_concurrently() -> None:
    context: Any = multiprocessing.get_context("fork")
    board = Board(2)
    enough = context.Event()
    writers = [context.Process(target=_tell, args=(board, page, enough)) for page in range(2)]
    for writer in writers:
        writer.start()
    seen: list[set[int]] = [set(), set()]

    def have_seen_many() -> bool:
        for _ in range(100):
            facts = board.read()
            assert all(len(page["padding"]) == page["number"] % 700 for page in facts)
            if len(facts) == 2:  # one that was written each time it was looked at is left out
                for page, numbers in zip(facts, seen, strict=True):
                    numbers.add(page["number"])
        return all(len(numbers) > 50 for numbers in seen)

    try:
        assert until(have_seen_many)
    finally:
        enough.set()
        for writer in writers:
            writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
