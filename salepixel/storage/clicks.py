"""Clicks with their verdicts, and the marks that say how far each journal is folded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from salepixel.attribution import CLOCK_SKEW
from salepixel.clicks import TOKEN_CONTACT_BYTES, Click, Signal, Verdict
from salepixel.storage.schema import accounts, clicks, contacts, journals, links, losses, orders, sales
from salepixel.storage.upsert import insert
from salepixel.streams import LossRecord
from salepixel.verdicts import BURST_WINDOW, Judged, judge

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class StoredClick:
    """A click as the report knows it; `sale_pixel` of its link, True when the link is not known."""

    click: Click
    verdict: Verdict
    reasons: tuple[str, ...]
    sale_pixel: bool = True


def read_mark(connection: sa.Connection, journal: str) -> int:
    """The number up to which a journal is folded, 0 for a new one."""
    return connection.scalar(sa.select(journals.c.mark).where(journals.c.name == journal)) or 0


def read_marks(connection: sa.Connection) -> dict[str, int]:
    """The marks of all journals."""
    return {row.name: row.mark for row in connection.execute(sa.select(journals.c.name, journals.c.mark))}


def move_mark(connection: sa.Connection, journal: str, old: int, new: int, at: datetime) -> bool:
    """Move a mark from old to new; False when somebody else moved it meanwhile."""
    start = insert(connection, journals).values(name=journal, mark=0, folded_at=at)
    connection.execute(start.on_conflict_do_nothing())
    ours = sa.and_(journals.c.name == journal, journals.c.mark == old)
    return connection.execute(sa.update(journals).where(ours).values(mark=new, folded_at=at)).rowcount == 1


def store_loss(connection: sa.Connection, journal: str, number: int, loss: LossRecord) -> None:
    """Keep what an edge says it could not write down."""
    epoch = datetime.fromisoformat("1970-01-01T00:00:00Z")
    values = {
        "journal": journal,
        "number": number,
        "count": loss.count,
        "from_at": epoch + timedelta(milliseconds=loss.from_ms),
        "to_at": epoch + timedelta(milliseconds=loss.to_ms),
    }
    connection.execute(insert(connection, losses).values(values).on_conflict_do_nothing())


def store_clicks(connection: sa.Connection, batch: Sequence[tuple[Click, Signal]]) -> None:
    """Store and judge clicks; those known already stay as they are.

    A click's verdict may change with its neighbours, so the same contact's clicks around the new ones
    are judged again. Orders that a person's click may explain by e-mail are decided again.
    """
    if not batch:
        return
    known = _neighbours(connection, [click for click, _ in batch])
    merged = {click.id: (click, signals) for click, signals in batch} | {
        click.id: (click, signals) for click, signals, _ in known
    }
    stored = {click.id: judged for click, _, judged in known}
    verdicts = dict(_judged(merged.values()))
    new = [(click, signals, verdicts[click.id]) for click, signals in batch if click.id not in stored]
    rows = {click.id: _row(click, signals, judged) for click, signals, judged in new}
    if rows:
        # The plain list of parameters lets the driver prepare the statement once for all rows.
        connection.execute(insert(connection, clicks).on_conflict_do_nothing(), list(rows.values()))
    _change_verdicts(connection, [click for click, _ in batch], stored, verdicts)
    _orders_due(connection, [merged[click_id][0] for click_id in verdicts])
    _name_contacts(connection, [click for click, _, _ in new])


def clicks_of_contacts(
    connection: sa.Connection, emp_id: int, refs: Sequence[str], since: datetime, until: datetime
) -> list[StoredClick]:
    """What these contacts clicked between two times, oldest first."""
    if not refs:
        return []
    query = _with_links().where(
        clicks.c.emp_id == emp_id,
        clicks.c.contact.in_(refs),
        clicks.c.id >= _id_at(since),
        clicks.c.id < _id_at(until + timedelta(milliseconds=1)),
    )
    return [_stored(row) for row in connection.execute(query.order_by(clicks.c.id))]


def get_clicks(connection: sa.Connection, ids: Sequence[bytes]) -> dict[bytes, StoredClick]:
    """The clicks with these ids, as far as they are known."""
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


def _with_links() -> sa.Select[tuple[object, ...]]:
    return sa.select(clicks, links.c.sale_pixel).select_from(
        clicks.outerjoin(links, links.c.id == clicks.c.link_id)
    )


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredClick:
    click = Click(row.id, row.emp_id, row.campaign_id, row.link_id, row.contact)
    sells = True if row.sale_pixel is None else row.sale_pixel
    return StoredClick(click, Verdict(row.verdict), tuple(row.reasons.split()), sells)


def _row(click: Click, signals: Signal, judged: Judged) -> dict[str, object]:
    return {
        "id": click.id,
        "emp_id": click.emp_id,
        "campaign_id": click.campaign,
        "link_id": click.link,
        "contact": click.contact,
        "signals": int(signals),
        "verdict": judged.verdict,
        "reasons": " ".join(judged.reasons),
    }


def _judged(merged: Iterable[tuple[Click, Signal]]) -> Iterator[tuple[bytes, Judged]]:
    people: dict[tuple[int, str, str], list[tuple[Click, Signal]]] = {}
    for click, signals in merged:
        # A click of nobody known stands alone.
        person = click.contact or click.id.hex()
        people.setdefault((click.emp_id, click.campaign, person), []).append((click, signals))
    for theirs in people.values():
        theirs.sort(key=lambda pair: pair[0].id)
        for (click, _), judged in zip(theirs, judge(theirs), strict=True):
            yield click.id, judged


def _neighbours(connection: sa.Connection, new: Sequence[Click]) -> list[tuple[Click, Signal, Judged]]:
    """Stored clicks that bear on the verdicts of the new ones, and the new ones that are stored already."""
    first, last = _span(new)
    people = sorted({(click.emp_id, click.contact) for click in new if click.contact})
    found: list[sa.Row[tuple[object, ...]]] = []
    for start in range(0, len(people), _CHUNK):
        query = sa.select(clicks).where(
            sa.tuple_(clicks.c.emp_id, clicks.c.contact).in_(people[start : start + _CHUNK]),
            # Twice the window: the neighbours' own verdicts must not change for want of their neighbours.
            clicks.c.id >= _id_at(first - 2 * BURST_WINDOW),
            clicks.c.id < _id_at(last + 2 * BURST_WINDOW),
        )
        found.extend(connection.execute(query))
    unknown = [click.id for click in new if not click.contact]
    for start in range(0, len(unknown), _CHUNK):
        found.extend(
            connection.execute(sa.select(clicks).where(clicks.c.id.in_(unknown[start : start + _CHUNK])))
        )
    return [
        (
            Click(row.id, row.emp_id, row.campaign_id, row.link_id, row.contact),
            Signal(row.signals),
            Judged(Verdict(row.verdict), tuple(row.reasons.split())),
        )
        for row in found
    ]


def _change_verdicts(
    connection: sa.Connection,
    new: Sequence[Click],
    stored: dict[bytes, Judged],
    verdicts: dict[bytes, Judged],
) -> None:
    first, last = _span(new)
    low, high = _id_at(first - BURST_WINDOW), _id_at(last + BURST_WINDOW + timedelta(milliseconds=1))
    changed = [
        {"key": click_id, "v": verdicts[click_id].verdict, "r": " ".join(verdicts[click_id].reasons)}
        for click_id, before in stored.items()
        if low <= click_id < high and verdicts[click_id] != before
    ]
    if changed:
        update = sa.update(clicks).where(clicks.c.id == sa.bindparam("key"))
        connection.execute(update.values(verdict=sa.bindparam("v"), reasons=sa.bindparam("r")), changed)


def _orders_due(connection: sa.Connection, touched: Sequence[Click]) -> None:
    by_account: dict[int, set[str]] = {}
    for click in touched:
        if click.contact:
            by_account.setdefault(click.emp_id, set()).add(click.contact)
    first, last = _span(touched)
    for emp_id, refs in by_account.items():
        days = connection.scalar(sa.select(accounts.c.window_days).where(accounts.c.emp_id == emp_id)) or 0
        ordered = sorted(refs)
        for start in range(0, len(ordered), _CHUNK):
            hashes = sa.select(contacts.c.email_hash).where(
                contacts.c.emp_id == emp_id, contacts.c.ref.in_(ordered[start : start + _CHUNK])
            )
            explained = sa.and_(
                orders.c.emp_id == emp_id,
                orders.c.email_hash.in_(hashes),
                orders.c.placed_at >= first - CLOCK_SKEW,
                orders.c.placed_at <= last + timedelta(days=days),
            )
            connection.execute(sa.update(orders).where(explained).values(due=True))


def _name_contacts(connection: sa.Connection, new: Sequence[Click]) -> None:
    """Sales of a click that was known by its token alone get the contact that did not fit into it."""
    cut = [click.id for click in new if len(click.contact.encode()) > TOKEN_CONTACT_BYTES]
    for start in range(0, len(cut), _CHUNK):
        earned = sa.select(sales.c.shop_id, sales.c.order_id).where(
            sales.c.click_id.in_(cut[start : start + _CHUNK])
        )
        theirs = sa.tuple_(orders.c.shop_id, orders.c.id).in_(earned)
        connection.execute(sa.update(orders).where(theirs).values(due=True))


def _span(some: Sequence[Click]) -> tuple[datetime, datetime]:
    ids = [click.id for click in some]
    least, greatest = (Click(i, 0, "", "").clicked_at for i in (min(ids), max(ids)))
    return least, greatest


def _id_at(time: datetime) -> bytes:
    """The least click id of a millisecond."""
    epoch = datetime.fromisoformat("1970-01-01T00:00:00Z")
    return max(0, (time - epoch) // timedelta(milliseconds=1)).to_bytes(6) + bytes(10)
