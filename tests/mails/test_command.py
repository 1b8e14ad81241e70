"""`salepixel campaign` does what the pages do."""

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from salepixel.accounts.principal import INSTALLATION
from salepixel.accounts.use_cases import create_account
from salepixel.keys import load_keys
from salepixel.mails.command import run
from tests.databases import copy_template

HTML = b"<p>\xe9 <a href='https://shop.test/1'>One</a>\r\n<a href=https://shop.test/2>Two</a>"


@pytest.fixture
def environ(sqlite_template: Path, tmp_path: Path) -> dict[str, str]:
    keys = load_keys(tmp_path / "keys.json")
    with closing(copy_template(sqlite_template, tmp_path)) as database, database.write() as connection:
        values = {"emp_id": 7, "name": "Shoes", "currency": "EUR", "site": "shop.test"}
        create_account(connection, INSTALLATION, keys, values, datetime.now(UTC))
    return {"SALEPIXEL_DATA": str(tmp_path), "SALEPIXEL_API_KEY": "sp_key_of_the_test_of_commands"}


def test_a_file_becomes_a_tracked_file_and_the_original_again(
    environ: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    original, tracked, back = (tmp_path / name for name in ("a.html", "b.html", "c.html"))
    original.write_bytes(HTML)
    assert run(["new", str(original), "--account", "7", "--name", "Autumn"], environ) == 0
    mail, *links = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in links if line.startswith("sales ")] == ["sales", "sales"]
    assert run(["rename", mail, "Winter"], environ) == 0
    assert run(["track", mail, str(tracked)], environ) == 0
    assert tracked.read_bytes().count(b"/c/") == 2
    assert run(["undo", str(tracked), str(back)], environ) == 0
    assert back.read_bytes() == HTML
    capfd.readouterr()
    run(["list"], environ)
    (line,) = capfd.readouterr().out.splitlines()
    campaign = line.split()[0]
    assert line.endswith(f"Winter (e-mail {mail})")
    run(["archive", campaign], environ)
    run(["list"], environ)
    assert capfd.readouterr().out == ""
    run(["list", "--archived"], environ)
    assert campaign in capfd.readouterr().out
    assert run(["restore", campaign], environ) == 0
    assert run(["copy", campaign, "Second"], environ) == 0
    draft = capfd.readouterr().out.strip()
    assert run(["delete", draft], environ) == 0
    assert run(["delete", campaign], environ) == 0
    run(["list"], environ)
    assert capfd.readouterr().out == ""


def test_what_cannot_be_done_is_said_by_name(
    environ: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.html"
    file.write_bytes(b"%PDF-1.7")
    new = ["new", str(file), "--account", "7", "--name", "Autumn"]
    assert (run(new, environ), "mail_pdf" in capfd.readouterr().err) == (1, True)
    file.write_bytes(HTML)
    assert (run(["undo", str(file), str(file)], environ), "mail_not_tracked" in capfd.readouterr().err) == (
        1,
        True,
    )
    assert (run(["track", "000000000000", str(file)], environ), "not_found" in capfd.readouterr().err) == (
        1,
        True,
    )


def test_the_command_line_has_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "salepixel.cli", "campaign", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert ended.stdout.startswith("usage: salepixel campaign ")
