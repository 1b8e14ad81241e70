"""Attribution models: how the clicks of one contact share an order. Rules of thumb, none of them causal.

They are those that mailers and web analytics name alike; what an e-mail caused is measured by a holdout.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

HALF_LIFE = timedelta(days=7)
"""Of the model `decay`: a click a week earlier gets half as much."""


class Model(StrEnum):
    """LAST and FIRST give all to one click, LINEAR the same to each.

    POSITION gives 40 % to the first, 40 % to the last and shares the rest. DECAY gives more to the later
    ones, half as much for each HALF_LIFE before the order. The definitions, with 40/20/40 and seven days, are
    those of the models that Google Analytics had until 2023 (support.google.com/analytics/answer/1662518).
    """

    LAST = "last"
    FIRST = "first"
    LINEAR = "linear"
    POSITION = "position"
    DECAY = "decay"


def shares(model: Model, clicked: Sequence[datetime], ordered_at: datetime) -> tuple[Fraction, ...]:
    """The share of each click, for times in ascending order (at least one); together exactly 1.

    A click may be a little later than its order, by clocks that differ; it counts as one at that moment.
    """
    weights = _weights(model, clicked, ordered_at)
    whole = sum(weights, Fraction(0))
    return tuple(weight / whole for weight in weights)


def _weights(model: Model, clicked: Sequence[datetime], ordered_at: datetime) -> list[Fraction]:
    count = len(clicked)
    if model is Model.DECAY:
        # Binary floats, taken as they are: the shares are exact sums of them.
        ages = [max(timedelta(0), ordered_at - time) / HALF_LIFE for time in clicked]
        return [Fraction(2 ** -(age - min(ages))) for age in ages]
    if model is Model.LINEAR or (model is Model.POSITION and count <= 2):
        return [Fraction(1)] * count
    if model is Model.POSITION:
        return [Fraction(2, 5), *[Fraction(1, 5 * (count - 2))] * (count - 2), Fraction(2, 5)]
    winner = 0 if model is Model.FIRST else count - 1
    return [Fraction(int(position == winner)) for position in range(count)]
