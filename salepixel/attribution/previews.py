"""Previews of changed settings, computed some orders at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from salepixel.accounts.store import Account, get_account
from salepixel.attribution.judge import NOTHING_SWITCHED
from salepixel.attribution.policies import Move, Preview, preview_policy, with_policy
from salepixel.computations.work import Json, Progress, Task, Tools
from salepixel.orders.store import OrderPlace
from salepixel.storage.schema import orders

KIND = "preview"

ORDERS_AT_ONCE = 10
"""Orders of one step: deciding one takes about 2 ms."""

SMALL_ORDERS = 20
"""Up to so many orders are previewed at once, without the worker."""


def parameters_of(
    account: Account,
    change: Mapping[str, Any],
    limit: int,
    after: OrderPlace | None,
    switched: Mapping[str, bool] = NOTHING_SWITCHED,
) -> dict[str, Any]:
    """The parameters of a preview: `change` (columns of the account), and the account's present settings.

    `switched`: links that become sales links (true) or stop to be one, by id.
    """
    links = {"switched": dict(switched)} if switched else {}
    return links | {
        "change": dict(change),
        "limit": limit,
        "after": _as_texts(after),
        "settings": account.policy_version,
        "closed_before": account.closed_before and account.closed_before.isoformat(),
    }


def is_small(connection: sa.Connection, account: Account, limit: int, after: OrderPlace | None) -> bool:
    """Whether the orders are so few that they are previewed at once."""
    return _count(connection, account, min(limit, SMALL_ORDERS + 1), after) <= SMALL_ORDERS


def step(connection: sa.Connection, tools: Tools, task: Task, place: Json) -> Progress:
    """One step: the next orders, newest first."""
    account, given = get_account(connection, task.emp_id), task.parameters
    if account is None or account.policy_version != given["settings"]:
        raise LookupError("the settings of the account have changed")
    changed = with_policy(account, given["change"])
    after = _as_place(place.get("after", given["after"]))
    examined, moves = place.get("examined", 0), place.get("moves", [])
    total = place.get("total") or _count(connection, account, given["limit"], after)
    at_once = min(ORDERS_AT_ONCE, given["limit"] - examined)
    page = preview_policy(
        connection, tools.sealer, account, changed, tools.rates, at_once, after, given.get("switched", {})
    )
    examined += page.examined
    moves = [*moves, *map(_move_as_json, page.moves)]
    found = {"examined": examined, "moves": moves, "after": _as_texts(page.older), "total": total}
    if page.older is None or examined >= given["limit"]:
        return Progress(None, examined, examined, result=found)
    return Progress(found, examined, max(total, examined))


def read_preview(result: Mapping[str, Any]) -> Preview:
    """The result of the last step."""
    moves = [
        Move(
            **{
                **move,
                "placed_at": datetime.fromisoformat(move["placed_at"]),
                "differs": tuple(move["differs"]),
            }
        )
        for move in result["moves"]
    ]
    return Preview(result["examined"], moves, _as_place(result["after"]))


def _count(connection: sa.Connection, account: Account, limit: int, after: OrderPlace | None) -> int:
    its = sa.select(orders.c.id).where(orders.c.emp_id == account.emp_id)
    if account.closed_before is not None:
        its = its.where(orders.c.placed_at >= account.closed_before)
    if after is not None:
        its = its.where(orders.c.placed_at <= after[0])
    some = its.order_by(orders.c.placed_at.desc()).limit(limit).subquery()
    return connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def _as_move(move: Mapping[str, Any]) -> Move:
    placed_at = datetime.fromisoformat(move["placed_at"])
    return Move(**{**move, "placed_at": placed_at, "differs": tuple(move["differs"])})


def _move_as_json(move: Move) -> dict[str, Any]:
    return asdict(move) | {"placed_at": move.placed_at.isoformat()}


def _as_texts(place: OrderPlace | None) -> list[str] | None:
    return None if place is None else [place[0].isoformat(), *place[1:]]


def _as_place(texts: Sequence[str] | None) -> OrderPlace | None:
    return None if texts is None else (datetime.fromisoformat(texts[0]), texts[1], texts[2])
