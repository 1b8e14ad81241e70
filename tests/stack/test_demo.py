"""The report of the demo matches the truth, on SQLite and on PostgreSQL, and it leaves nothing running."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from demo import live
from demo.compare import compare, counted_reasons
from demo.play import playing_three_months
from demo.show import where_to_look
from kit.play import Player, differences
from kit.saleor import StandInSaleor
from kit.stack import Stack
from kit.story import make_story
from tests.databases import new_postgresql_database
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.long


SCALE = 0.1
"""Of the three months: 1,800 contacts, 700 clicks and 60 orders."""

PERIOD = "from=2026-08-22&to=2026-11-20"
UNTIL = datetime(2026, 11, 20, 17, tzinfo=UTC)
"""The same orders in each run."""


@pytest.mark.slow  # three months: about 30 s of CPU; `.ci/run` also plays `make demo ONCE=1`
def test_the_report_of_three_months_matches_the_truth(shared_stack: Stack, own_account: int) -> None:
    report_matches_the_truth(shared_stack, own_account)


@pytest.mark.slow  # on a stack of its own
def test_the_report_of_three_months_matches_the_truth_on_postgresql(
    postgresql: str, tmp_path: Path, own_account: int
) -> None:
    # A database of its own, since other tests empty the shared one.
    with new_postgresql_database(postgresql, "demo") as address:
        settings = {"SALEPIXEL_DATABASE_URL": address}
        with Stack(tmp_path / "data", api_key="sp_test_of_the_stack", settings=settings) as stack:
            report_matches_the_truth(stack, own_account)


def report_matches_the_truth(stack: Stack, emp_id: int) -> None:
    with (
        playing_three_months(stack, emp_id, now=UNTIL, scale=SCALE) as played,
        closing(Player(stack, played.shops["EUR"], emp_id)) as player,
    ):
        assert compare(player.api, played) == []
        placed = live.play(stack, played)
        until(lambda: not compare(player.api, played, placed))
        assert compare(player.api, played, placed) == []
        days = player.api("GET", f"/accounts/{emp_id}/coverage?{PERIOD}")["days"]
        assert len(days) > 80
        assert [one for one in days if one["in_shop"] != one["known"] or one["missing"]] == []
        for address, what in where_to_look(stack.plugin_url, played, placed[0].number):
            answer = requests.get(
                address, headers={"Authorization": f"Bearer {stack.api_key}"}, timeout=PATIENCE_SECONDS
            )
            assert answer.status_code == 200, what
        reasons = counted_reasons(played)
    assert reasons.keys() >= {"click_token_on_order", "no_click", "bot_click", "unpaid", "opted_out"}


def test_the_story_of_one_mail_matches_the_truth(shared_stack: Stack, own_account: int) -> None:
    story = make_story(seed=11)
    with StandInSaleor() as shop, closing(Player(shared_stack, shop, own_account)) as player:
        scene = player.set_up(story)
        for contact in story.scanned:
            player.scan(scene, contact)
        for purchase in story.purchases:
            player.buy(scene, purchase)
        until(lambda: not differences(player, scene, story))
        assert differences(player, scene, story) == []


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder so near the root that the socket of Valkey lies in the data folder, and goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def as_in_a_terminal() -> None:
    """For preexec_fn: under nohup, or behind `make test &`, a program is started with these ignored."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGTERM, "Starting the stack"),
        pytest.param(signal.SIGHUP, "Now, live", marks=pytest.mark.slow),  # the whole demo is played
        (signal.SIGINT, "Starting the stack"),
    ],
)
def test_a_stopped_demo_leaves_nothing_running(number: int, said: str, short_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        env={**os.environ, "TMPDIR": str(short_path)},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=as_in_a_terminal,
    )
    assert demo.stdout is not None
    with demo, demo.stdout as output:
        while said not in output.readline():
            assert demo.poll() is None
        assert until(lambda: any(log.stat().st_size for log in short_path.glob("*/up.log")))
        demo.send_signal(number)
        assert demo.wait(PATIENCE_SECONDS) == 0
    assert list(short_path.iterdir()) == []
    assert [pid for pid in Path("/proc").glob("[0-9]*") if str(short_path) in command_line(pid)] == []


def command_line(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
