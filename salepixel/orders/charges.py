"""What was charged of an order and what was given back: money is what was charged.

A snapshot has sums, not events. So all known ones are read as a set, in the shop's sequence: in
whichever they came, and however often, the answer is the same (docs/adr/0020).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from salepixel.orders.order import Order, RefundState

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Ledger:
    """An order's money, tax included, in its currency.

    `paid`: paid for at some time, also when refunded since. `worth`: what of its total was charged, all of it
    while it is not paid. `states`: its snapshots, oldest first; `given_back`: by each of them, of the worth.
    `charged_back`: what is not there any more and the shop calls no refund; a bank's chargeback looks so.
    """

    paid: bool
    worth: Decimal
    states: tuple[RefundState, ...]
    given_back: tuple[Decimal, ...]
    charged_back: Decimal = _NOTHING

    @property
    def held(self) -> Decimal:
        """The sum of an order that is not paid for; nothing where the shop does not report it."""
        newest = self.states[-1]
        return max(_NOTHING, (newest.charged or _NOTHING) - newest.refunded)


def read_ledger(order: Order, history: Iterable[RefundState] = ()) -> Ledger:
    """The money of an order; `history`: the money in its known snapshots, in any sequence and number."""
    # Of states with one version the order's own is the last one, and the rest have a sequence of their own.
    known = tuple(history)
    own = _as_known(order.refund_state, known)
    states = sorted(
        {*known, own},
        key=lambda state: (
            *(state.version, state == own, state.cancelled, state.refunded),
            *(state.charged or _NOTHING, state.covers or _NOTHING),
        ),
    )
    paid = _was_paid(order, states)
    if not paid or own.covers is None or own.charged is None:
        reported = tuple(_reported(state, order.total) for state in states)
        return Ledger(paid, order.total, tuple(states), reported)
    most = max(state.charged for state in states if state.charged is not None and state.covers is not None)
    worth = min(order.total, most)
    given_back = _given_back(states, worth)
    charged_back = max(_NOTHING, given_back[-1] - order.refunded)
    return Ledger(True, worth, tuple(states), given_back, charged_back)


def _as_known(own: RefundState, history: Iterable[RefundState]) -> RefundState:
    """The newest state with the greatest sums reported for it: a poll may know of a refund that is pending.

    An app that was installed before we selected that sends it without.
    """
    same = [own] + [
        state
        for state in history
        if (state.updated_at, state.refunded, state.cancelled)
        == (own.updated_at, own.refunded, own.cancelled)
    ]
    charged = max((state.charged for state in same if state.charged is not None), default=None)
    covers = max((state.covers for state in same if state.covers is not None), default=None)
    return own if own.covers is None else replace(own, charged=charged, covers=covers)


def _was_paid(order: Order, states: Sequence[RefundState]) -> bool:
    """Whether all of its total was ever there at once, or was not asked for.

    Charges that make up the total together need not have been there together: a first card's may have been
    given back before a second one's. It was if a snapshot between them shows it. Where none did, the order
    looks like one that was paid and refunded in part, which is so much more common that it counts as that.
    """
    if any(state.covers is not None and state.covers >= order.total for state in states):
        return True
    if not order.paid or order.charged is None:
        return order.paid
    before = [s.refunded for s in states if s.charged is not None and s.charged < order.total]
    more = order.charged - order.total
    # Stored before `covers` was: then `refunded` was of the total only.
    refunded = order.refunded if order.covers is not None else order.refunded + more
    # What a later snapshot takes back was never refunded.
    return more >= 0 and min(max(before, default=_NOTHING), refunded) <= more


def _reported(state: RefundState, total: Decimal) -> Decimal:
    """What was given back of a total, by one snapshot alone.

    More that was given back had been charged by mistake, or for lines that are no longer there.
    """
    if state.covers is None or state.charged is None:
        return state.refunded
    return min(state.refunded, max(total - (state.charged - state.refunded), _NOTHING))


def _given_back(states: Sequence[RefundState], worth: Decimal) -> tuple[Decimal, ...]:
    """What was given back of the worth by each state: all that is not there any more.

    An app may report a refund and not lower the charged sum. So where all was charged already and
    both rise, that part of a refund is off what is there, until the shop lowers the sum itself.
    """
    given, not_lowered, before, most = [], _NOTHING, None, _NOTHING
    for state in states:
        if state.covers is None or state.charged is None:
            given.append(_reported(state, worth))
            continue
        if before is not None and before.charged is not None:
            grown, refunded = state.charged - before.charged, state.refunded - before.refunded
            if grown < 0:
                not_lowered = max(_NOTHING, not_lowered + grown)
            elif refunded > 0 and before.charged >= worth:
                not_lowered += min(grown, refunded)
        held, most = state.charged - state.refunded - not_lowered, max(most, state.charged)
        missing = min(max(worth - held, _NOTHING), worth)
        given.append(missing if most >= worth else _reported(state, worth))
        before = state
    return tuple(given)
