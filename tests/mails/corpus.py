"""The corpus in tests/data/mails: mails in the manner of platforms and builders, and the links in each.

`index.json` was written by hand from reading the mails: the encoding of each, and in their sequence its
addresses as a browser reads them, with `+` if a tracked link can lead there, or else `-`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "data" / "mails"


@dataclass(frozen=True)
class Written:
    """A mail of the corpus."""

    name: str
    charset: str
    links: list[str]

    @property
    def raw(self) -> bytes:
        """Its bytes."""
        return (FOLDER / self.name).read_bytes()

    @property
    def addresses(self) -> list[str]:
        """All addresses."""
        return [link[2:] for link in self.links]

    @property
    def trackable(self) -> list[str]:
        """The addresses that a tracked link can lead to."""
        return [link[2:] for link in self.links if link.startswith("+")]


CORPUS = [
    Written(name, one["charset"], one["links"])
    for name, one in json.loads((FOLDER / "index.json").read_text("utf-8")).items()
]
