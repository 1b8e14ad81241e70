"""Clickers: the known contacts who clicked, per campaign, with the links that they clicked.

A row has no slot: if two workers write clicks of one contact at once, exactly one of them must count the new
clicker. They wait for each other only at the row of that contact.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from salepixel.storage.bulk import insert_all
from salepixel.storage.many import is_one_of
from salepixel.storage.schema import campaigns, clickers, clicks
from salepixel.sums.kept import ALL_LINKS, KeptSum

_BOT = "bot"

_TIME = {  # the first 48 bits of a click id; as in clicks.py
    "sqlite": "json_extract('0x' || hex(substr(clicks.id, 1, 6)), '$')",
    "postgresql": "('x' || encode(substr(clicks.id, 1, 6), 'hex'))::bit(48)::bigint",
}


class Clicker(NamedTuple):
    """A contact's clicks on a campaign: human clicks (verdict human or unknown) and bot clicks.

    `first` and `last`: milliseconds since 1970. `links`: human clicks by link, as JSON in the form of the
    definition: by link, without spaces, only links with a click.
    """

    human: int
    bot: int
    first: int
    last: int
    links: str


NewClickers = Counter[tuple[str, str]]
"""The change in the number of contacts with a human click, by campaign and link; also for ALL_LINKS."""

_Clicked = Counter[tuple[str, bool, str]]
"""The change in the number of contacts who clicked: by campaign, by whether human, and by the links."""

_Key = tuple[str, str]
_Row = tuple[Any, ...]

Known = dict[_Key, tuple[Clicker, Sequence[int]]]
"""Stored rows by campaign and contact, each with its human and bot clicks that have ended."""

_NO_LINKS = "{}"


def sums_of(rows: Iterable[Sequence[Any]]) -> dict[_Key, Clicker]:
    """The clickers in rows of `clicks`, by campaign and contact.

    Values in the order of the table's columns.
    """
    found: dict[_Key, Clicker] = {}
    for row in rows:
        if row[4]:
            time = int.from_bytes(row[0][:6])
            human, links = (0, _NO_LINKS) if row[6] == _BOT else (1, _once(row[3]))
            # Half the time of calling the type, whose constructor is a function in Python.
            one = tuple.__new__(Clicker, (human, 1 - human, time, time, links))
            key = row[2], row[4]
            found[key] = _together(found[key], one) if key in found else one
    return found


@cache
def _once(link: str) -> str:
    return _as_text({link: 1})


def _as_text(links: Mapping[str, int]) -> str:
    return "{" + ",".join(f'"{link}":{count}' for link, count in sorted(links.items()) if count) + "}"


def _together(some: Clicker, more: Clicker, sign: int = 1) -> Clicker:
    first, last = min(some.first, more.first), max(some.last, more.last)
    links = _links_together(some.links, more.links, sign)
    return Clicker(some.human + sign * more.human, some.bot + sign * more.bot, first, last, links)


@lru_cache(4096)
def _links_together(some: str, more: str, sign: int) -> str:
    # Cached: most contacts click one or two links, so a batch of a mailing has few different texts.
    links = Counter(json.loads(some))
    for link, count in json.loads(more).items():
        links[link] += sign * count
    return _as_text(links)


def _difference(before: dict[_Key, Clicker], after: dict[_Key, Clicker]) -> dict[_Key, Clicker]:
    found = dict(after)
    for key, was in before.items():
        nothing = Clicker(0, 0, was.first, was.last, _NO_LINKS)
        found[key] = _together(after.get(key, nothing), was, -1)
        if (found[key].human, found[key].bot, found[key].links) == (0, 0, _NO_LINKS):
            del found[key]
    return found


def add(
    connection: sa.Connection,
    before: Sequence[Sequence[Any]],
    after: Sequence[Sequence[Any]],
    known: Known | None = None,
) -> NewClickers:
    """Add what changed from rows of `clicks` before to the same rows after, which are written already.

    `known`: the result of `lock_clickers` with all of their contacts; None: they are locked here.
    """
    clicked: _Clicked = Counter()
    changes = _difference(sums_of(before), sums_of(after))
    while changes:
        if known is None:
            known = lock_clickers(connection, changes)
        changes, known = _add_to_rows(connection, changes, known, clicked), None
    _correct_times(connection, before, after)
    return _by_link(clicked)


def _by_link(clicked: _Clicked) -> NewClickers:
    found: NewClickers = Counter()
    for (campaign, is_clicker, links), more in clicked.items():
        for link in (*((ALL_LINKS,) if is_clicker else ()), *json.loads(links)):
            found[campaign, link] += more
    return found


def _add_to_rows(
    connection: sa.Connection, changes: dict[_Key, Clicker], known: Known, clicked: _Clicked
) -> dict[_Key, Clicker]:
    """Add the changes and count clickers.

    Returns the changes to repeat if another worker inserted a new row.
    """
    new: list[_Row] = []
    changed: list[_Row] = []
    gone: list[_Key] = []
    for key in sorted(changes):  # so that two workers with clicks of the same contacts do not deadlock
        if key in known:
            was, ended = known[key]
            now = _together(was, changes[key])
            if now.human or now.bot or any(ended):
                changed.append((*key, *now))
            else:
                gone.append(key)
            clicked[key[0], was.human + ended[0] > 0, was.links] -= 1
            clicked[key[0], now.human + ended[0] > 0, now.links] += 1
        else:
            new.append((*key, *changes[key]))
    if changed:
        _update(connection, changed)
    if gone:
        connection.execute(sa.delete(clickers).where(_THIS), [_parameters(*key) for key in gone])
    if new and not insert_all(connection, clickers, new):
        return {row[:2]: changes[row[:2]] for row in new}
    clicked.update((row[0], row[2] > 0, row[6]) for row in new)
    return {}


# These go to the driver directly, because SQLAlchemy takes as much time per row as the database.
_LOCK = {
    "sqlite": """
        SELECT contact, human, bot, first_click, last_click, links, human_ended, bot_ended
        FROM clickers WHERE campaign_id = ? AND contact IN (SELECT value FROM json_each(?))""",
    "postgresql": """
        SELECT contact, human, bot, first_click, last_click, links, human_ended, bot_ended
        FROM clickers WHERE campaign_id = %s AND contact = ANY(%s) ORDER BY contact FOR UPDATE""",
}
_UPDATE = {
    "sqlite": """
        UPDATE clickers SET human = ?3, bot = ?4, first_click = ?5, last_click = ?6, links = ?7
        WHERE campaign_id = ?1 AND contact = ?2""",
    "postgresql": """
        UPDATE clickers SET human = new.human, bot = new.bot, first_click = new.first_click,
            last_click = new.last_click, links = new.links
        FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::text[]) AS new (campaign_id, contact, human, bot, first_click, last_click, links)
        WHERE clickers.campaign_id = new.campaign_id AND clickers.contact = new.contact""",
}


def lock_clickers(connection: sa.Connection, keys: Iterable[_Key]) -> Known:
    """The stored rows of these campaigns and contacts, locked until the transaction ends."""
    contacts: dict[str, list[str]] = {}
    for campaign, contact in keys:
        contacts.setdefault(campaign, []).append(contact)
    dialect = connection.dialect.name
    found: Known = {}
    for campaign, theirs in sorted(contacts.items()):
        values = campaign, theirs if dialect == "postgresql" else json.dumps(theirs)
        for row in connection.exec_driver_sql(_LOCK[dialect], values).all():
            contact, human, bot, first, last, links, *ended = row
            found[campaign, contact] = Clicker(human, bot, first, last, links), ended
    return found


def _update(connection: sa.Connection, rows: Sequence[_Row]) -> None:
    dialect = connection.dialect.name
    values = list(rows) if dialect == "sqlite" else tuple(map(list, zip(*rows, strict=True)))
    connection.exec_driver_sql(_UPDATE[dialect], values)


_THIS = sa.and_(
    clickers.c.campaign_id == sa.bindparam("its_campaign"), clickers.c.contact == sa.bindparam("its_contact")
)


def _parameters(campaign: str, contact: str) -> dict[str, Any]:
    return {"its_campaign": campaign, "its_contact": contact}


def _correct_times(
    connection: sa.Connection, before: Iterable[Sequence[Any]], after: Iterable[Sequence[Any]]
) -> None:
    """Find the first and last click again for contacts who lost clicks."""
    lost = {tuple(row[:5]) for row in before}
    lost = lost.difference(tuple(row[:5]) for row in after) if lost else lost
    keys = sorted({(row[2], row[4], row[1]) for row in lost if row[4]})
    if not keys:
        return
    time: sa.ColumnElement[int] = sa.literal_column(_TIME[connection.dialect.name], sa.BigInteger)
    theirs = (
        clicks.c.emp_id == sa.bindparam("its_account"),
        clicks.c.campaign_id == clickers.c.campaign_id,
        clicks.c.contact == clickers.c.contact,
    )
    times = {
        # A row that a wrong sum has left without clicks keeps its times until a rebuild.
        name: sa.func.coalesce(sa.select(of(time)).where(*theirs).scalar_subquery(), clickers.c[name])
        for name, of in (("first_click", sa.func.min), ("last_click", sa.func.max))
    }
    update = sa.update(clickers).where(_THIS, clickers.c.human_ended + clickers.c.bot_ended == 0)
    connection.execute(
        update.values(times), [{"its_account": key[2], **_parameters(*key[:2])} for key in keys]
    )


def end(connection: sa.Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Count deleted rows of `clicks` as ended. The number of clickers stays the same."""
    update = sa.update(clickers).where(_THIS)
    changed = {name: clickers.c[name] - sa.bindparam(f"ended_{name}") for name in ("human", "bot")}
    for name in ("human", "bot"):
        changed[f"{name}_ended"] = clickers.c[f"{name}_ended"] + sa.bindparam(f"ended_{name}")
    values = [
        {**_parameters(*key), "ended_human": ended.human, "ended_bot": ended.bot}
        for key, ended in sorted(sums_of(rows).items())
    ]
    if values:
        connection.execute(update.values(changed), values)


def forget(connection: sa.Connection, emp_id: int, refs: Collection[str]) -> tuple[int, NewClickers]:
    """Delete the rows of contacts of an account.

    Returns their number, and the (negative) change in clickers.
    """
    theirs = clickers.c.campaign_id.in_(sa.select(campaigns.c.id).where(campaigns.c.emp_id == emp_id))
    columns = (clickers.c.campaign_id, clickers.c.human + clickers.c.human_ended, clickers.c.links)
    statement = sa.delete(clickers).where(theirs, is_one_of(connection, clickers.c.contact, refs))
    rows = connection.execute(statement.returning(*columns)).all()
    clicked: _Clicked = Counter()
    clicked.subtract((campaign, human > 0, links) for campaign, human, links in rows)
    return len(rows), _by_link(clicked)


def definition(dialect: str) -> sa.Select[Any]:
    """The rows for all clicks of known contacts."""
    time: sa.ColumnElement[int] = sa.literal_column(_TIME[dialect], sa.BigInteger)
    is_human = clicks.c.verdict != _BOT
    key = clicks.c.campaign_id, clicks.c.contact
    by_link = (
        sa.select(
            *key,
            clicks.c.link_id,
            sa.func.count().filter(is_human).label("human"),
            sa.func.count().filter(~is_human).label("bot"),
            sa.func.min(time).label("first_click"),
            sa.func.max(time).label("last_click"),
        )
        .where(clicks.c.contact != "")
        .group_by(*key, clicks.c.link_id)
        .subquery()
    )
    c = by_link.c
    # SQLite has string_agg, and an order in it, since 3.44.
    links = sa.literal_column(
        "'{' || coalesce(string_agg('\"' || link_id || '\":' || human, ',' ORDER BY link_id) "
        "FILTER (WHERE human > 0), '') || '}'",
        sa.Text,
    )
    return sa.select(
        c.campaign_id,
        c.contact,
        sa.func.sum(c.human).label("human"),
        sa.func.sum(c.bot).label("bot"),
        sa.func.min(c.first_click).label("first_click"),
        sa.func.max(c.last_click).label("last_click"),
        links.label("links"),
    ).group_by(c.campaign_id, c.contact)


SUM = KeptSum(
    clickers,
    definition,
    ended=("human_ended", "bot_ended"),
    others=("first_click", "last_click", "links"),
)


def links_clicked(dialect: str) -> sa.Select[Any]:
    """Selects campaign and link for each link on which a contact has a human click, ended ones included."""
    each = {
        "sqlite": "json_each(clickers.links)",
        "postgresql": "json_each(clickers.links::json)",
    }[dialect]
    link = sa.literal_column("each_link.key", sa.Text).label("link_id")
    return sa.select(clickers.c.campaign_id, link).select_from(clickers, sa.text(f"{each} AS each_link"))


def first_clickers(
    campaign_id: str, limit: int, after: str, before: str | None = None
) -> sa.Select[tuple[str]]:
    """Selects a campaign's known contacts who clicked, by reference, as `beside` does."""
    ours = sa.select(clickers.c.contact).where(clickers.c.campaign_id == campaign_id)
    return beside(ours, clickers.c.contact, after, before).limit(limit)


def beside(
    query: sa.Select[tuple[str]], contact: sa.ColumnElement[str], after: str, before: str | None
) -> sa.Select[tuple[str]]:
    """The contacts after one, from A; or those before another one, the last of them first."""
    further = query.where(contact > after)
    if before is None:
        return further.order_by(contact)
    return further.where(contact < before).order_by(contact.desc())


def clicks_of(
    connection: sa.Connection, campaign_id: str, refs: Collection[str]
) -> dict[str, tuple[int, int]]:
    """The human and the bot clicks of these contacts on a campaign."""
    human, bot = clickers.c.human + clickers.c.human_ended, clickers.c.bot + clickers.c.bot_ended
    ours = clickers.c.campaign_id == campaign_id, is_one_of(connection, clickers.c.contact, refs)
    query = sa.select(clickers.c.contact, human, bot).where(*ours)
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}
