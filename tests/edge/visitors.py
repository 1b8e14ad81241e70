"""Visitors of a running edge, and their clicks as the worker gets them."""

import threading
import time
from urllib.parse import parse_qs, urlsplit

from salepixel.clicks.records import ClickRecord, LossRecord
from salepixel.clicks.tokens import ClickSealer
from tests.edge.make import Fold
from tests.edge.running import RunningEdge
from tests.waiting import until


class Visitors:
    """Visitors that click without a pause; `answered` has the click id of every 302."""

    def __init__(self, edge: RunningEdge, path: str, sealer: ClickSealer, count: int = 4) -> None:
        self._edge, self._path, self._sealer = edge, path, sealer
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        self.answered: list[bytes] = []
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        """Wait until this many more were answered."""
        before = len(self.answered)
        assert until(lambda: len(self.answered) >= before + count)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                answer = self._edge.get(self._path, timeout=5)  # an edge that is killed may leave it waiting
            except OSError:
                time.sleep(0.01)
                continue
            assert answer.status == 302
            (token,) = parse_qs(urlsplit(answer.header("location")).query)["spx"]
            self.answered.append(self._sealer.open(token).id)


def folded(fold: Fold) -> list[bytes]:
    return [record.click.id for record in fold.records if isinstance(record, ClickRecord)]


def has_all(fold: Fold, answered: list[bytes]) -> bool:
    fold.turn()
    return set(answered) <= set(folded(fold))


def click(edge: RunningEdge, path: str, sealer: ClickSealer, count: int) -> list[bytes]:
    """This many clicks; gives their ids."""
    answers = [edge.get(path) for _ in range(count)]
    assert {answer.status for answer in answers} == {302}
    tokens = [answer.header("location").partition("spx=")[2] for answer in answers]
    return [sealer.open(token).id for token in tokens]


def losses(fold: Fold) -> list[LossRecord]:
    return [record for record in fold.records if isinstance(record, LossRecord)]


def has_losses(fold: Fold, count: int) -> bool:
    fold.turn()
    return sum(loss.count for loss in losses(fold)) >= count
