"""`make demo`: plays three months of a small shop through the real services, and checks the report."""

import argparse
import logging
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import structlog

from demo import live
from demo.compare import compare
from demo.play import playing_three_months
from demo.show import print_campaigns, print_reasons, print_sales, print_where_to_look
from kit.play import Player, WentWrong
from kit.ports import free_port
from kit.stack import DidNotStart, Stack
from salepixel.settings import BadSettings, PluginSettings, environment

WAIT_SECONDS = 60


def main() -> int:
    """Play the demo; 0 if the report is correct, else 1."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="exit after the report instead of staying up")
    once = parser.parse_args().once
    end_by_signals()
    # The plugin in this process logs what the stack's own processes log to their file.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        ports = choose_ports(environment())
        with tempfile.TemporaryDirectory(prefix="salepixel-demo-") as folder:
            log("Starting the stack: Valkey, SQLite, edge, plugin, worker ...")
            api_key = f"sp_{secrets.token_urlsafe(24)}"
            with Stack(Path(folder), api_key=api_key, ports=ports) as stack:
                return show(stack, once)
    except BadSettings as problem:
        print(problem, file=sys.stderr)
        return 2
    except (DidNotStart, WentWrong) as problem:
        print(f"The demo failed: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def choose_ports(environ: Mapping[str, str]) -> tuple[int, int]:
    """The ports of edge and plugin: from the settings, or a free one if a default port is taken.

    Raises BadSettings if a port of the settings is taken.
    """
    settings = PluginSettings.load(environ)
    ports = []
    for name, wanted in (("edge", settings.edge_port), ("plugin", settings.plugin_port)):
        variable = f"SALEPIXEL_{name.upper()}_PORT"
        port = free_port(wanted)
        if port != wanted and environ.get(variable):
            raise BadSettings(
                f"Another program listens on port {wanted}: choose another one with {variable}."
            )
        if port != wanted:
            log(f"Another program listens on port {wanted}: the {name} takes {port}.")
        ports.append(port)
    return ports[0], ports[1]


def show(stack: Stack, once: bool) -> int:
    """Play three months and some orders of now on a running stack; print the report, and compare it."""
    log("Playing three months of a small shop: five newsletters, a flow, two shops, a closed month ...")
    begun = time.monotonic()
    with (
        playing_three_months(stack) as played,
        closing(Player(stack, played.shops["EUR"], played.emp_id)) as player,
    ):
        season = played.season
        counts = f"{len(played.people):,} contacts, {len(season.clicks):,} clicks"
        log(f"... {time.monotonic() - begun:.0f} s: {counts}, {len(season.purchases)} orders.")
        log("Now, live: people click and buy, and their shop reports the orders, signed ...")
        placed = live.play(stack, played)
        begun = time.monotonic()
        while problems := compare(player.api, played, placed):
            if time.monotonic() - begun > WAIT_SECONDS:
                break
            time.sleep(0.2)
        log(f"... {time.monotonic() - begun:.1f} s until the report has them.")
        print_campaigns(player.api, played)
        print_sales(player.api, played)
        print_reasons(player.api, played, [one.number for one in placed])
        print()
        for problem in problems[:20]:
            print(f"WRONG: {problem}")
        if not problems:
            decided = len(season.purchases) + len(placed)
            log(f"The report is correct: all totals to the cent, and the decisions of all {decided} orders.")
        if once:
            log("Without ONCE=1 the stack stays up, and the report can be opened.")
        else:
            print_where_to_look(stack.plugin_url, stack.api_key, played, placed[0].number)
            print("Ctrl-C stops the stack and deletes its data.", flush=True)
            try:
                input() if sys.stdin.isatty() else wait_for_ever()
            except (KeyboardInterrupt, EOFError):
                log("Stopping ...")
    return 1 if problems else 0


def end_by_signals() -> None:
    """Make a closed terminal or a plain `kill` stop the stack, like Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has changed its handler: leave that
            signal.signal(number, signal.default_int_handler)


def wait_for_ever() -> None:
    """Wait for a signal."""
    signal.pause()


def log(text: str) -> None:
    """Print a line of progress."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
