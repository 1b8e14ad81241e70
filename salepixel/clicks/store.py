"""Clicks with their verdicts, and how far each journal is folded."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.accounts.erased import erased_contacts
from salepixel.accounts.policy import CLOCK_SKEW
from salepixel.accounts.store import Account, get_account, lock_accounts
from salepixel.clicks.ended import without_ended
from salepixel.clicks.opt_outs import accounts_that_hide_contacts, opted_out_among
from salepixel.clicks.records import LossRecord
from salepixel.clicks.sending import sent_at
from salepixel.clicks.tokens import (
    OTHER_BROWSER,
    Click,
    Signal,
    Verdict,
    browser_of,
    least_id_at,
    signals_of,
    time_of_click,
)
from salepixel.clicks.verdicts import (
    FINAL_AFTER,
    LINKS_WINDOW,
    AsStored,
    JudgedClick,
    cleared,
    judge,
    weigh,
)
from salepixel.clicks.watermark import (
    forget_unsettled,
    is_final,
    lock_watermark,
    move_watermark,
    oldest_unsettled,
    remember_unsettled,
)
from salepixel.keys import Keys
from salepixel.orders.requeue import requeue_orders_naming_clicks, requeue_orders_of_clickers
from salepixel.storage.bulk import insert_all
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import (
    bought,
    clicks,
    journals,
    links,
    losses,
)
from salepixel.storage.upsert import insert
from salepixel.sums import clicks as click_sums
from salepixel.sums.clickers import Known, lock_clickers

_CHUNK = 500

_Contacts = Mapping[int, set[str]]
"""The contacts of some clicks, by account."""


class _Span(NamedTuple):
    """The ids of the first and last of some clicks. `whole`: no other stored click is between them."""

    first: bytes
    last: bytes
    whole: bool = False

    def widened(self, by: timedelta) -> tuple[datetime, datetime]:
        """The period from `by` before the first click to `by` after the last."""
        return time_of_click(self.first) - by, time_of_click(self.last) + by


def _span(ids: Collection[bytes]) -> _Span:
    return _Span(min(ids), max(ids))


@dataclass(frozen=True, slots=True)
class StoredClick:
    """A stored click. `sale_pixel`: its link is a sales link; True if the link is not known.

    `score` and `reasons`: as in `JudgedClick`. `final`: the click was judged again after ten minutes. After
    that, only a purchase, late clicks of the same contact or a new sending time change the verdict.
    `browser`: as `tokens.browser_of` names it.
    """

    click: Click
    verdict: Verdict
    reasons: tuple[str, ...]
    score: float
    final: bool
    sale_pixel: bool = True
    browser: str = OTHER_BROWSER


def read_mark(connection: sa.Connection, journal: str) -> int:
    """The number of the last folded record of a journal; 0 for a new journal."""
    return connection.scalar(sa.select(journals.c.mark).where(journals.c.name == journal)) or 0


def read_marks(connection: sa.Connection) -> dict[str, int]:
    """The marks of all journals."""
    return {row.name: row.mark for row in connection.execute(sa.select(journals.c.name, journals.c.mark))}


def move_mark(connection: sa.Connection, journal: str, old: int, new: int, at: datetime) -> bool:
    """Move a mark from `old` to `new`; False if another worker moved it meanwhile."""
    start = insert(connection, journals).values(name=journal, mark=0, folded_at=at)
    connection.execute(start.on_conflict_do_nothing())
    ours = sa.and_(journals.c.name == journal, journals.c.mark == old)
    return connection.execute(sa.update(journals).where(ours).values(mark=new, folded_at=at)).rowcount == 1


def store_loss(connection: sa.Connection, journal: str, number: int, loss: LossRecord) -> None:
    """Store a loss that an edge reported."""
    epoch = datetime.fromisoformat("1970-01-01T00:00:00Z")
    values = {
        "journal": journal,
        "number": number,
        "count": loss.count,
        "from_at": epoch + timedelta(milliseconds=loss.from_ms),
        "to_at": epoch + timedelta(milliseconds=loss.to_ms),
    }
    connection.execute(insert(connection, losses).values(values).on_conflict_do_nothing())


def lock_to_store(connection: sa.Connection, emp_ids: Collection[int]) -> tuple[bytes, dict[int, Account]]:
    """Lock what is needed to store clicks and hits of these accounts; returns the watermark and the accounts.

    A transaction that stores hits after clicks locks the accounts of both first. Otherwise it would lock them
    in another sequence than a worker that decides orders of both, and each would wait for the other.
    """
    # Both locks are shared, so that several journals can be folded at once.
    return lock_watermark(connection), lock_accounts(connection, emp_ids)


def store_clicks(
    connection: sa.Connection, batch: Sequence[tuple[Click, Signal]], keys: Keys | None = None
) -> None:
    """Store clicks with their first verdicts; clicks that are stored already do not change.

    Clicks that are older than what their account keeps are counted as refused, and not stored (ended.py).
    A click of a contact who opted out, or was erased, is stored without its contact. A verdict depends on the
    clicks around it, so the same contact's clicks near the new ones are judged again. Orders that name these
    clicks, or whose buyer may be their contact, are marked due.

    `keys`: recognise erased contacts; None if nobody was erased in these accounts.
    """
    if not batch:
        return
    settled, accounts = lock_to_store(connection, {click.emp_id for click, _ in batch})
    batch = without_ended(connection, batch, accounts)
    if not batch:
        return
    contacts = _contacts_of(click for click, _ in batch)
    if hidden := _hidden_among(connection, contacts, keys):
        batch = [
            (click._replace(contact="") if click.contact in hidden.get(click.emp_id, ()) else click, signals)
            for click, signals in batch
        ]
        contacts = {emp_id: refs.difference(hidden.get(emp_id, ())) for emp_id, refs in contacts.items()}
    known = lock_clickers(
        connection, ((click.campaign, click.contact) for click, _ in batch if click.contact)
    )
    # The sums show that most contacts have no other clicks around these. Clicks of the rest are read now, all
    # clicks when the verdict becomes final.
    span = _span([click.id for click, _ in batch])
    around = _judge_around(connection, span, batch, _contacts_around(span, batch, known))
    verdicts = around.verdicts
    rows = {click.id: (*click, int(signals), *verdicts[click.id].as_stored) for click, signals in batch}
    late = [click_id for click_id in rows if click_id <= settled] if span.first <= settled else []
    remember_unsettled(connection, set(late).difference(_among(connection, clicks.c.id, late)))
    click_sums.add(connection, [], _insert_new(connection, list(rows.values())), known)
    changed = _change_verdicts(connection, around)
    touched = rows.keys() | {click.id for click in changed} if changed else rows.keys()
    span = _span(touched) if changed else span
    # The clicks with changed verdicts are of the same contacts.
    _requeue_orders(connection, accounts, touched, contacts, span)


def _contacts_around(span: _Span, batch: Sequence[tuple[Click, Signal]], known: Known) -> _Contacts:
    """The contacts of these clicks with stored clicks that may be their neighbours; `known`: all clickers."""
    first, last = (int.from_bytes(least_id_at(at)[:6]) for at in span.widened(2 * LINKS_WINDOW))
    recent = {key for key, (its, _) in known.items() if its.first <= last and its.last >= first}
    if not recent:
        return {}
    return _contacts_of(click for click, _ in batch if (click.campaign, click.contact) in recent)


def _hidden_among(
    connection: sa.Connection, contacts: _Contacts, keys: Keys | None
) -> dict[int, Collection[str]]:
    """The contacts among these who opted out or were erased, by account."""
    hidden: dict[int, Collection[str]] = {}
    # One statement for thousands of accounts: in most of them there is nobody.
    for emp_id in accounts_that_hide_contacts(connection, contacts):
        refs = contacts[emp_id]
        erased = erased_contacts(connection, keys, emp_id, refs) if keys else {}
        if found := opted_out_among(connection, emp_id, refs).union(erased):
            hidden[emp_id] = found
    return hidden


def settle_clicks(connection: sa.Connection, now: datetime, limit: int) -> int:
    """Judge the oldest clicks without a final verdict again; returns how many, 0 if none is left.

    Only clicks older than ten minutes are judged. The second judgement is needed because two journals folded
    at the same time do not see each other's clicks, and because the sending time may arrive late. Only
    changed verdicts are written, and the orders that depend on them are marked due.
    """
    settled = lock_watermark(connection, exclusive=True)
    end = least_id_at(now - FINAL_AFTER)
    late = oldest_unsettled(connection, end, limit)
    if late:
        these = clicks.c.id.in_(late)
    else:
        next_ones = sa.select(clicks.c.id).where(clicks.c.id > settled, clicks.c.id < end)
        ids = connection.scalars(next_ones.order_by(clicks.c.id).limit(limit)).all()
        if not ids:
            return 0
        these = clicks.c.id.between(ids[0], ids[-1])
    emp_ids = set(connection.scalars(sa.select(clicks.c.emp_id).where(these).distinct()))
    accounts = lock_accounts(connection, emp_ids)
    if late:
        forget_unsettled(connection, late)
    else:
        move_watermark(connection, ids[-1])
    known = [_known(row) for row in connection.execute(sa.select(*_KNOWN).where(these)).all()]
    if known:
        span = _span([one.click.id for one in known]) if late else _Span(ids[0], ids[-1], whole=True)
        around = _judge_around(connection, span, [], _contacts_of(one.click for one in known), known)
        _requeue_orders_of(connection, accounts, _change_verdicts(connection, around))
    return len(late or ids)


def keep_purchases(connection: sa.Connection, ids: Collection[bytes]) -> None:
    """Store that paid orders carry the tokens of these clicks.

    Their verdicts are human, whatever edges see later.
    """
    rows = [{"click_id": click_id} for click_id in sorted(ids)]
    if rows:
        connection.execute(insert(connection, bought).on_conflict_do_nothing(), rows)


def clear_clicks(connection: sa.Connection, ids: Collection[bytes]) -> None:
    """Make verdicts human, and final: paid orders carry the tokens. A click may be stored later.

    Other orders that name a click, or match it by e-mail, are marked due when its verdict changes.
    """
    keep_purchases(connection, ids)
    rows = connection.execute(sa.select(*_KNOWN).where(clicks.c.id.in_(ids)))
    stored = {row.id: _known(row) for row in rows}
    verdicts = {}
    for click_id, known in stored.items():
        verdict, reasons, score = known.judged
        verdicts[click_id] = cleared(JudgedClick(Verdict(verdict), tuple(reasons.split()), score))
    # All at once, so that they are locked in the sequence of their ids.
    changed = _change_verdicts(connection, _Around(verdicts, stored))
    emp_ids = {click.emp_id for click in changed}
    accounts = {emp_id: account for emp_id in emp_ids if (account := get_account(connection, emp_id))}
    _requeue_orders_of(connection, accounts, changed)


def get_clicks(connection: sa.Connection, ids: Sequence[bytes]) -> dict[bytes, StoredClick]:
    """The stored clicks with these ids."""
    if not ids:
        return {}
    query = _with_links().where(clicks.c.id.in_(ids))
    return {row.id: _stored(row) for row in connection.execute(query)}


def list_clicks(
    connection: sa.Connection, campaign_id: str, limit: int, after: bytes | None
) -> list[StoredClick]:
    """A campaign's clicks, oldest first; `after`: id of the last one seen."""
    query = _with_links().where(clicks.c.campaign_id == campaign_id)
    if after is not None:
        query = query.where(clicks.c.id > after)
    return [_stored(row) for row in connection.execute(query.order_by(clicks.c.id).limit(limit))]


def _with_links() -> sa.Select[Any]:
    return sa.select(clicks, links.c.sale_pixel, is_final().label("final")).select_from(
        clicks.outerjoin(links, links.c.id == clicks.c.link_id)
    )


def _stored(row: sa.Row[Any]) -> StoredClick:
    click = Click(row.id, row.emp_id, row.campaign_id, row.link_id, row.contact)
    sells = True if row.sale_pixel is None else row.sale_pixel
    judged = Verdict(row.verdict), tuple(row.reasons.split()), row.score, bool(row.final)
    return StoredClick(click, *judged, sells, browser_of(row.signals))


class _Known(NamedTuple):
    """A stored click with its signals and its stored verdict."""

    click: Click
    signals: Signal
    judged: AsStored


_CLICK = [clicks.c[name] for name in ("id", "emp_id", "campaign_id", "link_id", "contact")]
_KNOWN = [*_CLICK, *(clicks.c[name] for name in ("signals", "verdict", "reasons", "score"))]


def _known(row: Sequence[Any]) -> _Known:
    return _Known(Click(row[0], row[1], row[2], row[3], row[4]), signals_of(row[5]), (row[6], row[7], row[8]))


def _insert_new(connection: sa.Connection, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Insert rows of `clicks`; returns exactly those that were not stored yet, to count each click once."""
    while rows and not insert_all(connection, clicks, rows):
        # Some are stored already: a journal is folded again. On PostgreSQL another worker may have stored
        # them only now, which the insertion waits for and an earlier SELECT would not have seen.
        stored = set(_among(connection, clicks.c.id, [row[0] for row in rows]))
        rows = [row for row in rows if row[0] not in stored]
    return rows


@dataclass(frozen=True, slots=True)
class _Around:
    """Clicks and their neighbours: the new verdict of each, and the stored verdict where there is one.

    Only the verdicts of clicks with ids from `low` up to `high` are reliable, because all neighbours of
    these clicks are included.
    """

    verdicts: dict[bytes, JudgedClick]
    stored: dict[bytes, _Known]
    low: bytes = bytes(16)
    high: bytes = b"\xff" * 16


def _judge_around(
    connection: sa.Connection,
    span: _Span,
    new: Sequence[tuple[Click, Signal]],
    contacts: _Contacts,
    known: Sequence[_Known] = (),
) -> _Around:
    """Judge new or stored clicks of a span together with the clicks around it of these contacts."""
    stored = {one.click.id: one for one in known}
    # Twice the window, because the verdicts of the neighbours depend on their own neighbours.
    _add_clicks_around(connection, stored, contacts, span, 2 * LINKS_WINDOW)
    people: defaultdict[tuple[int, str, str | bytes], list[tuple[Click, Signal]]] = defaultdict(list)
    pairs = [pair for pair in new if pair[0].id not in stored] if stored else new
    for pair in chain(pairs, (one[:2] for one in stored.values())):
        click = pair[0]
        # A click without a contact has no neighbours.
        people[click.emp_id, click.campaign, click.contact or click.id].append(pair)
    sent = sent_at(connection, people)
    verdicts = {}
    for (_, campaign, contact), theirs in people.items():
        at = sent.get((campaign, contact), sent.get((campaign, ""))) if sent else None
        if len(theirs) == 1 and at is None:
            # The same result as `judge`, but faster: most clicks have no neighbours.
            click, signals = theirs[0]
            verdicts[click.id] = weigh(signals)
            continue
        theirs.sort(key=_by_id)
        for (click, _), judged in zip(theirs, judge(theirs, at), strict=True):
            verdicts[click.id] = judged
    suspects = [click_id for click_id, judged in verdicts.items() if judged.verdict is not Verdict.HUMAN]
    for click_id in _among(connection, bought.c.click_id, suspects):
        verdicts[click_id] = cleared(verdicts[click_id])
    low, high = span.widened(LINKS_WINDOW)
    return _Around(verdicts, stored, least_id_at(low), least_id_at(high + timedelta(milliseconds=1)))


def _by_id(pair: tuple[Click, Signal]) -> bytes:
    return pair[0].id


def _add_clicks_around(
    connection: sa.Connection,
    stored: dict[bytes, _Known],
    contacts: _Contacts,
    span: _Span,
    window: timedelta,
) -> None:
    """Add the clicks that these contacts made in a span, or so long before or after it."""
    since, until = map(least_id_at, span.widened(window))
    is_around = [clicks.c.id >= since, clicks.c.id < until]
    if span.whole:
        is_around.append(~clicks.c.id.between(span.first, span.last))
    for emp_id, refs in contacts.items():
        theirs = clicks.c.emp_id == emp_id, is_one_of(connection, clicks.c.contact, refs)
        # All at once: fetching row by row took a third of the time of a verdict.
        for row in connection.execute(sa.select(*_KNOWN).where(*theirs, *is_around)).all():
            if row[0] not in stored:
                stored[row[0]] = _known(row)


def _contacts_of(some: Iterable[Click]) -> _Contacts:
    found: dict[int, set[str]] = {}
    for click in some:
        if click.contact:
            found.setdefault(click.emp_id, set()).add(click.contact)
    return found


def _among(connection: sa.Connection, column: sa.Column[bytes], ids: Sequence[bytes]) -> list[bytes]:
    """The ids among these that the column contains."""
    found: list[bytes] = []
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(column).where(column.in_(ids[start : start + _CHUNK]))
        found.extend(connection.scalars(query).all())
    return found


def _change_verdicts(connection: sa.Connection, around: _Around) -> list[Click]:
    """Write the verdicts that changed; returns their clicks."""
    judged = {
        click_id: now
        for click_id, known in around.stored.items()
        if around.low <= click_id < around.high
        and (now := around.verdicts[click_id].as_stored) != known.judged
    }
    # Read once more: on PostgreSQL another worker may have changed the same verdicts meanwhile.
    before = _lock_clicks(connection, sorted(judged))
    if before:
        values = [
            {"key": row[0], "v": verdict, "r": reasons, "s": score}
            for row in before
            for verdict, reasons, score in (judged[row[0]],)
        ]
        update = sa.update(clicks).where(clicks.c.id == sa.bindparam("key"))
        marks: dict[str, Any] = {
            "verdict": sa.bindparam("v"),
            "reasons": sa.bindparam("r"),
            "score": sa.bindparam("s"),
        }
        connection.execute(update.values(marks), values)
        click_sums.add(connection, before, [(*row[:-3], *judged[row[0]]) for row in before])
    return [around.stored[row[0]].click for row in before]


def _lock_clicks(connection: sa.Connection, ids: Sequence[bytes]) -> list[sa.Row[Any]]:
    # Sorted by id, so that two workers that change the same rows do not deadlock.
    query = sa.select(clicks).order_by(clicks.c.id).with_for_update()
    found: list[sa.Row[Any]] = []
    for start in range(0, len(ids), _CHUNK):
        found.extend(connection.execute(query.where(clicks.c.id.in_(ids[start : start + _CHUNK]))).all())
    return found


def _requeue_orders_of(
    connection: sa.Connection, accounts: Mapping[int, Account], touched: Sequence[Click]
) -> None:
    if touched:
        ids = {click.id for click in touched}
        _requeue_orders(connection, accounts, ids, _contacts_of(touched), _span(ids))


def _requeue_orders(
    connection: sa.Connection,
    accounts: Mapping[int, Account],
    touched: Set[bytes],
    contacts: _Contacts,
    span: _Span,
) -> None:
    """Requeue the orders that carry one of these clicks, or whose buyer may be one of their contacts."""
    requeue_orders_naming_clicks(connection, touched)
    first, last = span.widened(timedelta(0))
    for emp_id, refs in contacts.items():
        if account := accounts.get(emp_id):
            until = last + account.policy.evidence_window
            requeue_orders_of_clickers(connection, emp_id, refs, first - CLOCK_SKEW, until)
