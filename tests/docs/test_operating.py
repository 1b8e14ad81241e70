"""The commands in the how-tos for operators do what the pages say."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest
import requests

from kit.stack import Stack
from tests.docs.test_tutorial import put_curl
from tests.edge.running import AGENT
from tests.waiting import PATIENCE_SECONDS, until

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
KEY = "choose-a-long-secret"

pytestmark = pytest.mark.long


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "data", api_key=KEY) as running:
        yield running


def run(page: str, section: str, **environment: str | Path) -> str:
    """Run the commands under a heading of a page; gives what they print."""
    text = (HOW_TO / page).read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    (commands,) = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    ran = subprocess.run(
        ["bash", "-euc", commands.replace(".venv/bin/python", sys.executable)],
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def ask(stack: Stack, method: str, path: str, content: object = None, key: str = "") -> Any:
    answer = requests.request(
        method,
        f"{stack.plugin_url}/api/v1{path}",
        json=content,
        headers={"Authorization": f"Bearer {key or stack.api_key}"},
        timeout=PATIENCE_SECONDS,
    )
    answer.raise_for_status()
    return answer.json()


@pytest.mark.slow  # two starts of a whole stack
def test_a_restored_backup_gets_the_later_clicks_from_the_journal(stack: Stack, tmp_path: Path) -> None:
    links = [{"url": "https://shop.example/", "label": "Hero", "sale_pixel": True}]
    campaign = ask(stack, "POST", "/campaigns", {"empId": 1, "name": "Autumn", "links": links})

    def click(contact: str) -> None:
        address = campaign["links"][0]["tracked_url"].replace("{contact}", contact)
        answer = requests.get(
            address, headers={"User-Agent": AGENT}, allow_redirects=False, timeout=PATIENCE_SECONDS
        )
        assert answer.status_code == 302

    def clicked() -> list[str]:
        return [row["contact"] for row in ask(stack, "GET", f"/campaigns/{campaign['id']}/clicks")["rows"]]

    places = {"DATA": stack.data, "BACKUP": tmp_path / "backup.sqlite3"}
    click("before")
    assert until(lambda: clicked() == ["before"])
    run("run-in-production.md", "Back up", **places)
    click("after")
    assert until(lambda: clicked() == ["before", "after"])
    stack.stop()
    run("run-in-production.md", "Restore", **places)
    # Read while nothing runs: the edge may bring the later click before the stack is ready.
    with closing(connect(stack.data / "salepixel.sqlite3")) as connection:
        assert connection.execute("SELECT contact FROM clicks").fetchall() == [("before",)]
    stack.start()
    click("later")
    assert until(lambda: clicked() == ["before", "after", "later"])


def test_a_revoked_key_opens_nothing(shared_stack: Stack, tmp_path: Path) -> None:
    stack = shared_stack
    made = ask(stack, "POST", "/accounts/1/keys", {"name": "mailer"})
    assert ask(stack, "GET", "/accounts", key=made["key"])
    put_curl(tmp_path)
    path = f"{tmp_path}:{os.environ['PATH']}"
    places = {"PLUGIN": stack.plugin_url, "KEY": stack.api_key, "ID": made["id"], "PATH": path}
    said = run("operate.md", "Revoke an API key", **places)
    assert made["id"] in said
    assert made["key"] not in said
    with pytest.raises(requests.HTTPError, match="401"):
        ask(stack, "GET", "/accounts", key=made["key"])
    assert made["id"] not in [entry["id"] for entry in ask(stack, "GET", "/keys")["keys"]]


def test_an_older_file_can_shrink_after_it_was_rewritten(tmp_path: Path) -> None:
    def read(pragma: str) -> int:
        with closing(connect(tmp_path / "salepixel.sqlite3")) as connection:
            found: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
            return found

    with closing(connect(tmp_path / "salepixel.sqlite3")) as connection:
        connection.execute("CREATE TABLE t (x)")
    assert read("auto_vacuum") == 0
    run("operate.md", "Space on the disk", DATA=tmp_path)
    assert read("auto_vacuum") == 2  # incremental
