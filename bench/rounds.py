"""Measures two things in turn, several times, and reports the ratio with its spread."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """The cost per unit of ours and of the yardstick, for each round, and their ratio."""

    name: str
    yardstick: str
    unit: str
    ours: list[float]
    theirs: list[float]

    def line(self) -> str:
        """One line: both medians, and the ratio's median, minimum and maximum."""
        ratios = [a / b for a, b in zip(self.ours, self.theirs, strict=True)]
        return (
            f"{self.name}: {statistics.median(self.ours):.1f} {self.unit}; "
            f"{self.yardstick}: {statistics.median(self.theirs):.1f} {self.unit}; "
            f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def spread(values: list[float]) -> str:
    """The median, with minimum and maximum."""
    digits = 2 if statistics.median(values) < 10 else 1
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def in_turn(name: str, ours: Measure, yardstick: str, theirs: Measure, unit: str, rounds: int = 5) -> Ratio:
    """Measure both in turn. The first round does not count."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        both = (ours(), theirs())
        if number:
            found[0].append(both[0])
            found[1].append(both[1])
    return Ratio(name, yardstick, unit, *found)
