"""`make truth`: plays seeded worlds on a real stack, and reports how many decisions are right."""

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from kit.play import Player
from kit.saleor import StandInSaleor
from kit.stack import Stack
from salepixel.clicks.tokens import ClickSealer
from salepixel.clicks.verdicts import LINKS_WINDOW
from salepixel.keys import load_keys
from truth import privacy, score
from truth.browsers import BROWSERS
from truth.play import Played, Theatre
from truth.score import Result
from truth.world import Click, Home, World, make_world

CONTACTS = 250
FIRST_EMP_ID = 1001
THREADS = 3
SETTLE_SECONDS = 120.0
REPORT = Path("build/truth.json")

PRECISION, SAME_DEVICE, RECALL, CALIBRATION = 0.97, 0.95, 0.80, 0.05
"""The goals."""


def main() -> int:
    """Play, score and print; 1 if a goal is missed."""
    seeds = int(_setting("SEEDS", "40"))
    with_server = _setting("TAG_ONLY", "") == ""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="salepixel-truth-") as folder:
        data = Path(folder) / "data"
        with Stack(data, api_key="sp_truth_of_the_world") as stack:
            results, found = play_all(stack, range(1, seeds + 1), with_server=with_server)
    report = summarise(results, seeds)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    print(table(results, report))
    print(f"{time.monotonic() - begun:.0f} s on {platform.platform()}, Python {platform.python_version()}.")
    missed = goals_missed(results, report)
    missed += [f"stored after an opt-out: {what}" for what in found]
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


def play_all(
    stack: Stack, seeds: Sequence[int], *, with_server: bool = True
) -> tuple[list[Result], list[str]]:
    """Play the worlds of some seeds; returns the results, and what is stored of contacts who opted out."""
    results: list[Result] = []
    worlds = [make_world(seed, CONTACTS) for seed in seeds]
    sealer = ClickSealer(load_keys(stack.data / "keys.json"))
    with closing(_Shops(stack, worlds)) as shops:
        played = [shops.set_up(world, FIRST_EMP_ID + number) for number, world in enumerate(worlds)]
        print(f"{sum(len(w.people) for w in worlds)} contacts; scanners look at their mails ...", flush=True)
        for one in played:
            shops.play(one, Theatre.scan_home, with_server)
        # People come minutes after a scanner. Clicks closer together are judged as one group.
        time.sleep(LINKS_WINDOW.total_seconds() + 1)
        for one in played:
            print(f"seed {one.world.seed}: {len(one.world.orders)} orders ...", flush=True)
            shops.play(one, Theatre.play_home, with_server)
        print("waiting until everything is decided ...", flush=True)
        privacy.wait_settled(stack, SETTLE_SECONDS)
        for one in played:
            results += shops.read(one, sealer)
    return results, privacy.what_is_kept(stack, worlds)


class _Shops:
    """A stand-in shop for each world, all on one stack."""

    def __init__(self, stack: Stack, worlds: Sequence[World]) -> None:
        self._stack = stack
        self._shops = {world.seed: StandInSaleor(channel=f"c{world.seed}") for world in worlds}
        for shop in self._shops.values():
            shop.__enter__()

    def close(self) -> None:
        for shop in self._shops.values():
            shop.__exit__(None, None, None)

    def set_up(self, world: World, emp_id: int) -> Played:
        shop = self._shops[world.seed]
        with closing(Player(self._stack, shop)) as player, closing(Theatre(player, shop)) as theatre:
            return Played(world, theatre.set_up(world, emp_id))

    def play(self, played: Played, what: Callable[[Theatre, Played, Home], None], with_server: bool) -> None:
        shop, homes = self._shops[played.world.seed], played.world.homes
        parts = [homes[start::THREADS] for start in range(THREADS)]

        def play_part(part: Sequence[Home]) -> None:
            with (
                closing(Player(self._stack, shop)) as player,
                closing(Theatre(player, shop, with_server=with_server)) as theatre,
            ):
                for home in part:
                    what(theatre, played, home)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(play_part, parts))

    def read(self, played: Played, sealer: ClickSealer) -> list[Result]:
        shop = self._shops[played.world.seed]
        results = []
        with closing(Player(self._stack, shop)) as player, closing(Theatre(player, shop)) as theatre:
            for order in played.world.orders:
                its = [_click_id(played, sealer, c) for c in (order.truth.click, order.truth.code_click)]
                results.append(Result(played.world.seed, order, theatre.answer(played, order), *its))
        return results


def _click_id(played: Played, sealer: ClickSealer, click: Click | None) -> str | None:
    token = played.tokens[click][0] if click else ""
    return sealer.open(token).id.hex() if token else None


def summarise(results: Sequence[Result], seeds: int) -> dict[str, Any]:
    """The content of build/truth.json: `overall` and an object per browser."""
    report: dict[str, Any] = {"overall": _figures(results)}
    report["overall"] |= {"calibration_error": score.calibration_error(results), "seeds": seeds}
    for browser in BROWSERS:
        report[browser.name] = _figures([r for r in results if r.order.browser == browser])
    return report


def _figures(results: Sequence[Result]) -> dict[str, Any]:
    at_home = [r for r in results if r.order.on_same_device and r.order.cookies]
    return {
        "precision": score.precision(results),
        "recall": score.recall(results),
        "recall_same_device_with_consent": score.recall(at_home),
        "baseline_cross_site_recall": score.cross_site_recall(results),
        "baseline_same_site_recall": score.same_site_recall(results),
        "orders": len(results),
    }


def goals_missed(results: Sequence[Result], report: dict[str, Any]) -> list[str]:
    """The missed goals, each with its figure."""
    overall = report["overall"]
    missed = []
    if overall["precision"] < PRECISION:
        missed.append(f"precision {overall['precision']:.3f}, goal {PRECISION}")
    if overall["recall"] < RECALL:
        missed.append(f"recall {overall['recall']:.3f}, goal {RECALL}")
    if overall["calibration_error"] > CALIBRATION:
        missed.append(f"calibration error {overall['calibration_error']:.3f}, goal {CALIBRATION}")
    for browser in BROWSERS:
        found = report[browser.name]["recall_same_device_with_consent"]
        if found < SAME_DEVICE:
            missed.append(f"{browser.name}: recall on the same device {found:.3f}, goal {SAME_DEVICE}")
    return missed


def table(results: Sequence[Result], report: dict[str, Any]) -> str:
    """The figures as tables, for the terminal and the docs."""
    lines = [
        "| browser | orders | precision | recall | same device* | cross-site pixel | same-site pixel |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in report.items():
        lines.append(
            f"| {name} | {one['orders']} | {one['precision']:.3f} | {one['recall']:.3f} | "
            f"{one['recall_same_device_with_consent']:.3f} | {one['baseline_cross_site_recall']:.3f} | "
            f"{one['baseline_same_site_recall']:.3f} |"
        )
    lines += ["", "| level | precision | recall | by revenue: precision | recall |", "|---|---|---|---|---|"]
    for level in ("click", "contact", "campaign"):
        cells = [
            _with_interval(results, partial(figure, level=level, weight=weight))
            for weight in (score.one_each, score.by_revenue)
            for figure in (score.precision, score.recall)
        ]
        lines.append(f"| {level} | {' | '.join(cells)} |")
    lines += ["", "| evidence | credited | right | mean confidence |", "|---|---|---|---|"]
    for evidence in sorted({r.answer.evidence for r in results if r.is_credited}):
        some = [r for r in results if r.answer.evidence == evidence]
        right = sum(r.is_right("click") for r in some) / len(some)
        mean = sum(r.answer.confidence for r in some) / len(some)
        lines.append(f"| {evidence} | {len(some)} | {right:.3f} | {mean:.3f} |")
    organic = [r for r in results if not r.is_earned]
    wrong = sum(r.is_credited for r in organic)
    overall = report["overall"]
    recovered = [
        (overall["recall"] - baseline) / (1 - baseline)
        for baseline in (overall["baseline_cross_site_recall"], overall["baseline_same_site_recall"])
    ]
    calibration = score.calibration_error(results), score.brier(results)
    lines += [
        "",
        f"Of {len(organic)} orders that no e-mail earned, {wrong} were credited to an e-mail.",
        "Recovered of what pixels miss: cross-site {:.3f}, same-site {:.3f}.".format(*recovered),
        "Calibration error {:.3f}, Brier score {:.3f}.".format(*calibration),
    ]
    return "\n".join(lines)


def _with_interval(results: Sequence[Result], figure: Callable[[Sequence[Result]], float]) -> str:
    low, high = score.interval(results, figure)
    return f"{figure(results):.3f} ({low:.3f} to {high:.3f})"


def _setting(name: str, default: str) -> str:
    return os.environ.get(name, default)  # noqa: TID251  # for manual runs


if __name__ == "__main__":
    sys.exit(main())
