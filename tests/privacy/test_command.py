"""The command `salepixel person`: exports, counts, and erases only with --yes."""

import json
from functools import partial
from pathlib import Path

from salepixel.clicks.tokens import ClickSealer
from salepixel.keys import load_keys
from tests.command import CommandLine
from tests.databases import copy_template
from tests.privacy.village import ADDRESS, REF, Village


def test_a_person_is_exported_counted_and_erased(
    tmp_path: Path, sqlite_template: Path, command_line: CommandLine
) -> None:
    sealer = ClickSealer(load_keys(tmp_path / "keys.json"))
    village = Village(copy_template(sqlite_template, tmp_path), sealer)

    run = partial(command_line.run, "person")

    exported = json.loads(run("export", "--account", "1", "-", said=f"{ADDRESS}\n").stdout)
    assert len(exported["tables"]["clicks"]) == 3
    counted = json.loads(run("erase", "--account", "1", REF).stdout)
    assert (counted["found"]["clicks"], counted["erased"]) == (3, False)
    assert list(village.found())
    receipt = json.loads(run("erase", "--account", "1", "--yes", REF).stdout)
    assert (receipt["counts"]["clicks"], bool(receipt["ended_at"])) == (3, True)
    assert list(village.found()) == []
    unknown = run("export", "--account", "99", REF)
    assert (unknown.code, unknown.stderr) == (1, "salepixel: not_found what=account\n")
