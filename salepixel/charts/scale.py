"""The vertical axis of a chart: round ticks around all values, and where a value lies between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext

MOST_TICKS = 6
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_DIGITS = 60  # so that neither huge amounts nor tiny differences of them are rounded


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from the lowest tick to the highest; zero is always one of them."""

    ticks: tuple[Decimal, ...]

    def place(self, value: Decimal) -> float:
        """How far up a value lies: 0.0 at the lowest tick, 1.0 at the highest."""
        with localcontext() as context:
            context.prec = _DIGITS
            low, high = self.ticks[0], self.ticks[-1]
            return float((value - low) / (high - low))


def scale_of(values: Iterable[Decimal], *, whole: bool = False) -> Scale:
    """The axis for these values, which are finite. `whole`: they count things, so no tick is a fraction."""
    with localcontext() as context:
        context.prec = _DIGITS
        every = [Decimal(0), *values]
        low, high = min(every), max(every)
        if low == high:
            return Scale((Decimal(0), Decimal(1)))
        step = _step(high - low, whole=whole)
        first = int((low / step).to_integral_value(ROUND_FLOOR))
        last = int((high / step).to_integral_value(ROUND_CEILING))
        return Scale(tuple(step * n for n in range(first, last + 1)))


def _step(span: Decimal, *, whole: bool) -> Decimal:
    """The smallest of 1, 2, 5, 10, 20, 50 ... that needs at most so many ticks."""
    # Both ends are rounded outwards, which may add a step at each.
    rough = span / (MOST_TICKS - 3)
    power = Decimal(1).scaleb(rough.adjusted())
    step = next(power * one for one in _STEPS if power * one >= rough)
    return max(step, Decimal(1)) if whole else step


def shown_marks(texts: Sequence[str], most: int) -> list[int]:
    """Which of the labels below an axis are shown: at most so many, evenly spaced, the first included."""
    given = [n for n, text in enumerate(texts) if text]
    every = -(-len(given) // most) if given else 1
    return given[::every]
