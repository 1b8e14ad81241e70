"""A running shipper, and the clicks that it ships."""

from pathlib import Path

from salepixel.settings import EdgeSettings
from salepixel.wire.directory import Directory
from salepixel_edge.journal import Journal
from salepixel_edge.shipper import Shipper
from tests.edge.make import payload
from tests.waiting import until

SMALL = 4096


class Shipping:
    """A shipper that runs on a journal; `click` appends to it as the writer does."""

    def __init__(self, tmp_path: Path, journal: Journal, address: str) -> None:
        self.journal = journal
        self.known: list[Directory] = []
        settings = EdgeSettings.load({"SALEPIXEL_DATA": str(tmp_path), "SALEPIXEL_REDIS_URL": address})
        self.shipper = Shipper(settings, journal, self.known.append, _no_journal)
        self.shipper.start()
        self.clicked: list[str] = []

    def click(self, count: int) -> None:
        """This many clicks, a few in a batch."""
        for _ in range(count):
            self.clicked.append(f"c{len(self.clicked):06}")
            self.journal.write([payload(self.clicked[-1])])

    def connected(self) -> bool:
        return self.shipper.connected

    def several(self, done_at: str, times: int = 3) -> None:
        """Wait until the shipper has done something several more times; `done_at` names its last time."""
        for _ in range(times):
            before = getattr(self.shipper, done_at)
            assert until(lambda: getattr(self.shipper, done_at) > before)  # noqa: B023  # called at once


def _no_journal(journal: Journal) -> None:
    raise AssertionError("there was one")
