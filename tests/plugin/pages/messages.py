"""The texts that the sources of the plugin and of the checks hold for translation."""

from pathlib import Path

from babel.messages.extract import extract_from_dir

import salepixel.checks
import salepixel_plugin

_METHODS = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]


def messages_in_sources() -> set[str]:
    folders = [Path(str(package.__file__)).parent for package in (salepixel_plugin, salepixel.checks)]
    keywords = {"N_": None, "_": None, "gettext": None}
    found = [
        message
        for folder in folders
        for _, _, message, _, _ in extract_from_dir(
            folder, _METHODS, {"**.html": {"silent": "false"}}, keywords=keywords
        )
    ]
    return {message for message in found if isinstance(message, str)}
