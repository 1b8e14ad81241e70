"""The names of copies."""

from salepixel.reading.text import read_text
from salepixel_plugin.languages import N_, Language

_COPY = N_("%(name)s (copy)")
_MOST = 200


def copy_name(name: str, language: Language) -> str:
    """The proposed name for the copy of a campaign."""
    room = _MOST - len(language.text(_COPY, name=""))
    return language.text(_COPY, name=read_text(name, room))
