"""`make demo`: sends a campaign through the real services, prints the SALES table, and checks it."""

import argparse
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from kit.play import Player, Scene, WentWrong, rows_of
from kit.ports import free_port
from kit.saleor import StandInSaleor
from kit.stack import DidNotStart, Stack
from kit.story import Story, make_story
from salepixel.settings import BadSettings, PluginSettings, environment

SHOWN_ROWS = 14
WAIT_SECONDS = 60


def main() -> int:
    """Play the demo; 0 if the report is correct, else 1."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="exit after the report instead of staying up")
    once = parser.parse_args().once
    end_by_signals()
    story = make_story()
    try:
        ports = choose_ports(environment())
        with tempfile.TemporaryDirectory(prefix="salepixel-demo-") as folder:
            log("Starting the stack: Valkey, SQLite, edge, plugin, worker ...")
            with (
                Stack(Path(folder), api_key=f"sp_{secrets.token_urlsafe(24)}", ports=ports) as stack,
                StandInSaleor() as shop,
                closing(Player(stack, shop)) as player,
            ):
                return show(player, story, once)
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


def show(player: Player, story: Story, once: bool) -> int:
    """Play the story on a running stack, print the report, compare it with the story."""
    scene = player.set_up(story)
    log(f"An e-mail with {len(scene.links)} links went to {len(story.contacts)} contacts.")
    log(f"A scanner clicks all links of {len(story.scanned)} e-mails ...")
    for contact in story.scanned:
        player.scan(scene, contact)
    log(f"People click and buy: {len(story.purchases)} orders, some reported twice, some late ...")
    for purchase in story.purchases:
        player.buy(scene, purchase)
    log("Waiting for the report ...")
    begun = time.monotonic()
    while problems := compare(player, scene, story):
        if time.monotonic() - begun > WAIT_SECONDS:
            break
        time.sleep(0.2)
    log(f"... {time.monotonic() - begun:.1f} s.")
    print_table(player.sales(scene.campaign))
    print_outcomes(player, scene, story)
    for problem in problems[:20]:
        print(f"WRONG: {problem}")
    if not problems:
        rows, orders = len(story.expected_rows()), len(story.purchases)
        log(f"The report is correct: all {rows} rows, and the decisions of all {orders} orders.")
    if once:
        log("Without ONCE=1 the stack stays up, and the report can be opened.")
    else:
        print(f"\nReport:  {player.stack.plugin_url}/campaigns/{scene.campaign}")
        print(f"Sign in with the key {player.stack.api_key}", flush=True)
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


def compare(player: Player, scene: Scene, story: Story) -> list[str]:
    """The differences between the report and the truth; empty if there are none."""
    report = player.sales(scene.campaign)
    found, expected = Counter(rows_of(report)), Counter(story.expected_rows())
    problems = [f"missing: {row}" for row in (expected - found).elements()]
    problems += [f"unexpected: {row}" for row in (found - expected).elements()]
    gross = sum((Decimal(row[4]) for row in expected.elements()), Decimal(0))
    refunded = sum((Decimal(row[5]) for row in expected.elements()), Decimal(0))
    total = (report["totals"] or [{"gross": None, "net": None}])[0]
    if (total["gross"], total["net"]) != (f"{gross:.2f}", f"{gross - refunded:.2f}"):
        problems.append(f"totals {total} instead of gross {gross:.2f}, net {gross - refunded:.2f}")
    for purchase in story.purchases:
        decision = player.decision(scene, purchase)
        reason = {"token": "click_token_on_order", "cookie": "cookie_at_pixel", "email": "email_match"}.get(
            purchase.truth, purchase.truth
        )
        if decision["reason"] != reason:
            problems.append(f"order {purchase.number}: {decision['reason']} instead of {reason}")
    return problems


def print_table(report: dict[str, Any]) -> None:
    """Print the SALES table like the report's page."""
    head = ("CONTACT", "ITEM", "QTY", "AMOUNT", "REFUNDED", "DATE", "EVIDENCE", "STATUS")
    layout = "{:<8} {:<14} {:>4} {:>10} {:>10}  {:<20} {:<9} {:<10}"
    print("\nSALES")
    print(layout.format(*head))
    for row in report["rows"][:SHOWN_ROWS]:
        date = row["purchased_at"][:19].replace("T", " ")
        print(
            layout.format(
                row["contact"] or "",
                row["item"],
                row["quantity"],
                row["amount"],
                row["refunded"],
                date,
                row["evidence"],
                row["status"],
            )
        )
    if len(report["rows"]) > SHOWN_ROWS:
        print(f"... and {len(report['rows']) - SHOWN_ROWS} more")
    for total in report["totals"]:
        print(
            f"{total['orders']} orders, {total['quantity']} items: gross {total['gross']} - refunded "
            f"{total['refunded']} = net {total['net']} {total['currency']}"
        )


def print_outcomes(player: Player, scene: Scene, story: Story) -> None:
    """Print how many orders were attributed, by which evidence, and why three others were not."""
    decisions = {purchase.number: player.decision(scene, purchase) for purchase in story.purchases}
    credited = [d for d in decisions.values() if d["outcome"] in ("attributed", "likely")]
    print(f"\n{len(credited)} of {len(decisions)} orders were attributed:")
    for reason, count in Counter(d["reason"] for d in credited).most_common():
        print(f"  {count:>3}  {reason}")
    print("Why three others were not:")
    shown: set[str] = set()
    for number, decision in decisions.items():
        if decision in credited or decision["reason"] in shown or len(shown) == 3:
            continue
        shown.add(decision["reason"])
        print(f"  Order {number}: {decision['explanation']}")
    print()


def log(text: str) -> None:
    """Print a line of progress."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
