"""The texts that the plugin's sources hold for translation."""

from pathlib import Path

from babel.messages.extract import extract_from_dir

import salepixel_plugin

_METHODS = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]


def messages_in_sources() -> set[str]:
    folder = Path(salepixel_plugin.__file__).parent
    found = extract_from_dir(
        folder, _METHODS, {"**.html": {"silent": "false"}}, keywords={"N_": None, "_": None, "gettext": None}
    )
    return {message for _, _, message, _, _ in found if isinstance(message, str)}
