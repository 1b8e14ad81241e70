"""What was charged for an order and what was refunded. Only charged money counts.

A snapshot has sums, not events. So all known snapshots are read as a set, in the shop's sequence. The result
does not depend on how often and in which sequence they arrived (docs/adr/0020).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter

from salepixel.orders.order import Order, RefundState

_NOTHING = Decimal(0)
_VERSION = itemgetter(0, 1)


@dataclass(frozen=True, slots=True)
class Ledger:
    """An order's money, tax included, in its currency.

    `paid`: paid in full at some time, even if refunded since. `charged`: the charged part of the total; all
    of it until it is paid. `states`: the snapshots, oldest first. `refunded`: the refunded part of `charged`
    in each snapshot. `charged_back`: missing money that the shop does not report as refunded, such as a
    bank's chargeback.
    """

    paid: bool
    charged: Decimal
    states: tuple[RefundState, ...]
    refunded: tuple[Decimal, ...]
    charged_back: Decimal = _NOTHING

    @property
    def part_paid(self) -> Decimal:
        """The paid part of an order that is not paid in full; zero if the shop does not report it."""
        newest = self.states[-1]
        return max(_NOTHING, (newest.charged or _NOTHING) - newest.refunded)


def read_ledger(order: Order, history: Iterable[RefundState] = ()) -> Ledger:
    """The money of an order. `history`: its known snapshots, in any sequence, with duplicates."""
    # Among states with the same version, the order's own comes last. The others are sorted by their sums.
    known = tuple(history)
    own = _as_known(order.refund_state, known)
    states = sorted({*known, own}, key=_VERSION)
    if len(set(map(_VERSION, states))) < len(states):
        states.sort(
            key=lambda state: (
                *(state.version, state == own, state.cancelled, state.refunded),
                *(state.charged or _NOTHING, state.covers or _NOTHING),
            )
        )
    paid = _was_paid(order, states)
    if not paid or own.covers is None or own.charged is None:
        reported = tuple(_reported(state, order.total) for state in states)
        return Ledger(paid, order.total, tuple(states), reported)
    most = max(state.charged for state in states if state.charged is not None and state.covers is not None)
    charged = min(order.total, most)
    refunded = _refunded(states, charged)
    charged_back = max(_NOTHING, refunded[-1] - order.refunded)
    return Ledger(True, charged, tuple(states), refunded, charged_back)


def _as_known(own: RefundState, history: Iterable[RefundState]) -> RefundState:
    """The newest state, with the greatest sums that were reported for it.

    A poll may report a pending refund, which webhooks of an app with our older selection lack.
    """
    if own.covers is None:
        return own
    same = [own] + [
        state
        for state in history
        if (state.updated_at, state.refunded, state.cancelled)
        == (own.updated_at, own.refunded, own.cancelled)
    ]
    charged = max((state.charged for state in same if state.charged is not None), default=None)
    covers = max((state.covers for state in same if state.covers is not None), default=None)
    return own._replace(charged=charged, covers=covers)


def _was_paid(order: Order, states: Sequence[RefundState]) -> bool:
    """Whether the whole total was charged at the same time, or nothing was to be paid.

    Charges may add up to the total, but never at the same time: a first card was refunded before a second
    one paid. A snapshot from between them shows this. Without one, the order looks like one that was
    paid and partly refunded, and counts as that, because this is far more common.
    """
    if any(state.covers is not None and state.covers >= order.total for state in states):
        return True
    if not order.paid or order.charged is None:
        return order.paid
    before = [s.refunded for s in states if s.charged is not None and s.charged < order.total]
    more = order.charged - order.total
    # Without `covers` (an old row), `refunded` is only about the total.
    refunded = order.refunded if order.covers is not None else order.refunded + more
    # If a later snapshot takes back a refund, it was never made.
    return more >= 0 and min(max(before, default=_NOTHING), refunded) <= more


def _reported(state: RefundState, total: Decimal) -> Decimal:
    """The refunded part of a total, according to one snapshot alone.

    Other refunds returned money that was charged by mistake, or for lines that were removed.
    """
    if state.covers is None or state.charged is None:
        return state.refunded
    return min(state.refunded, max(total - (state.charged - state.refunded), _NOTHING))


def _refunded(states: Sequence[RefundState], charged: Decimal) -> tuple[Decimal, ...]:
    """The part of `charged` that is missing in each state.

    An app may report a refund without lowering the charged sum. So if all of it was already charged and
    both sums rise, the refund is subtracted here until the shop lowers the charged sum.
    """
    given, not_lowered, before, most = [], _NOTHING, None, _NOTHING
    for state in states:
        if state.covers is None or state.charged is None:
            given.append(_reported(state, charged))
            continue
        if before is not None and before.charged is not None:
            grown, refunded = state.charged - before.charged, state.refunded - before.refunded
            if grown < 0:
                not_lowered = max(_NOTHING, not_lowered + grown)
            elif refunded > 0 and before.charged >= charged:
                not_lowered += min(grown, refunded)
        held, most = state.charged - state.refunded - not_lowered, max(most, state.charged)
        missing = min(max(charged - held, _NOTHING), charged)
        given.append(missing if most >= charged else _reported(state, charged))
        before = state
    return tuple(given)
