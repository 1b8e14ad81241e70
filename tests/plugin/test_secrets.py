"""The plugin's log contains no secret and no address: checked with canaries in the real process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from kit.ports import free_port
from salepixel.storage.database import open_database
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.long

KEY = "sp_canary-of-the-settings"
WRONG = "sp_canary-that-is-wrong"
EMAIL = "canary@example.com"
TOKEN = "canaryTokenOfAClick0123456789"
COOKIE = "canary-of-a-cookie"


class Process:
    """The plugin, with its output in a file."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.folder, self.output = folder, folder / "output"
        settings = {
            "SALEPIXEL_DATA": str(folder),
            "SALEPIXEL_PLUGIN_PORT": str(port),
            "SALEPIXEL_API_KEY": KEY,
            "SALEPIXEL_REDIS_URL": f"unix://{folder}/none.sock",
        }
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "salepixel_plugin.server"],
                env={**os.environ, **settings},
                stdout=file,
                stderr=file,
            )
        assert until(self._answers), self.output.read_text()

    def _answers(self) -> bool:
        with suppress(requests.ConnectionError):
            requests.get(f"{self.url}/healthz", timeout=5)
            return True
        return False

    def ask(self, method: str, path: str, key: str = KEY, **rest: object) -> int:
        headers = {"Authorization": f"Bearer {key}", "Cookie": f"salepixel_session={COOKIE}"}
        answer = requests.request(method, self.url + path, headers=headers, timeout=PATIENCE_SECONDS, **rest)  # type: ignore[arg-type]
        return answer.status_code

    def execute(self, sql: str, *values: object) -> None:
        database = open_database("", self.folder)
        with database.write() as connection:
            connection.exec_driver_sql(sql, tuple(values))
        database.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    running = Process(tmp_path)
    yield running
    running.process.kill()
    running.process.wait()


def test_the_log_contains_no_secret(process: Process) -> None:
    contacts = {"empId": 1, "contacts": [{"ref": TOKEN, "email": EMAIL}]}
    assert process.ask("GET", "/api/v1/accounts", WRONG) == 401
    assert process.ask("POST", "/api/v1/contacts", json=contacts) == 200
    requests.post(f"{process.url}/login", data={"key": WRONG, "next": f"/{TOKEN}"}, timeout=PATIENCE_SECONDS)
    process.ask("GET", f"/?spx={TOKEN}&k={EMAIL}")
    # From here on every call fails in its own way: a table that is gone, a row that is nonsense.
    process.execute("UPDATE policies SET campaign_windows = ?", TOKEN)
    process.execute(
        "INSERT INTO policies SELECT 1, 1, 7, 'last', 1, ?, 0 WHERE NOT EXISTS (SELECT 1 FROM policies)",
        TOKEN,
    )
    process.execute("ALTER TABLE contacts RENAME TO elsewhere")
    process.execute("ALTER TABLE sessions RENAME TO nowhere")
    failed = [
        process.ask("POST", "/api/v1/contacts", json=contacts),
        process.ask("GET", f"/api/v1/accounts/1/policies?k={TOKEN}"),
        process.ask("GET", f"/accounts/1/policy?k={TOKEN}"),
        requests.get(
            f"{process.url}/", cookies={"salepixel_session": COOKIE}, timeout=PATIENCE_SECONDS
        ).status_code,
        requests.post(f"{process.url}/login", data={"key": KEY}, timeout=PATIENCE_SECONDS).status_code,
    ]
    assert sum(status >= 500 for status in failed) >= 4, failed
    said = process.output.read_text()
    assert "request_failed" in said
    assert "database_unavailable" in said
    for secret in (KEY, WRONG, EMAIL, TOKEN, COOKIE, "Bearer"):
        assert secret not in said
