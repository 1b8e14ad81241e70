"""The demo's story comes out as the truth, on SQLite and on PostgreSQL, and it leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from demo.__main__ import compare
from demo.play import Player
from demo.saleor import StandInSaleor
from demo.stack import Stack
from demo.story import tell


@pytest.fixture
def postgresql_settings(postgresql: str) -> dict[str, str]:
    """A database of its own, since other tests empty the shared one."""
    url = sa.make_url(postgresql)
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE demo"))
    engine.dispose()
    return {"SALEPIXEL_DATABASE_URL": url.set(database="demo").render_as_string(hide_password=False)}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_report_is_the_truth(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    settings = request.getfixturevalue("postgresql_settings") if database == "postgresql" else {}
    story = tell(seed=11)
    with (
        Stack(tmp_path / "data", api_key="sp_test_of_the_stack", settings=settings) as stack,
        StandInSaleor() as shop,
        closing(Player(stack, shop)) as player,
    ):
        scene = player.set_up(story)
        for contact in story.scanned:
            player.scan(scene, contact)
        for purchase in story.purchases:
            player.buy(scene, purchase)
        deadline = time.monotonic() + 60
        while (problems := compare(player, scene, story)) and time.monotonic() < deadline:
            time.sleep(0.2)
    assert problems == []


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGTERM, "Starting the stack"),
        (signal.SIGHUP, "A mail with"),
        (signal.SIGINT, "Starting the stack"),
    ],
)
def test_a_demo_that_is_ended_leaves_nothing_running(number: int, said: str, tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        # Whoever runs the tests under nohup has a SIGHUP that is ignored, and so would the demo.
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),
    )
    assert demo.stdout is not None
    with demo, demo.stdout as output:
        while said not in output.readline():
            assert demo.poll() is None
        deadline = time.monotonic() + 10
        while (
            not any(log.stat().st_size for log in tmp_path.glob("*/up.log")) and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        demo.send_signal(number)
        assert demo.wait(60) == 0
    assert list(tmp_path.iterdir()) == []
    assert [folder for folder in Path("/proc").glob("[0-9]*") if str(tmp_path) in command_line(folder)] == []


def command_line(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
