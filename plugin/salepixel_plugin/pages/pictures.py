"""The charts of an overview, in the reader's language, each with the table behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from markupsafe import Markup

from salepixel.charts import columns, rows
from salepixel.charts.columns import Head, Value
from salepixel.charts.rows import Row
from salepixel.report.figures import Counted, Span, buyers_in, clicks_in, sold_in, spans_of
from salepixel.report.overview import Best
from salepixel.report.periods import Range
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.pages.behind import Behind


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart and its table. `name`: its id. `key`: CSS class -> meaning. `hint`: how to read it.

    `links`: for each row of the table, the address of the orders or sales that it counts, or empty.
    """

    name: str
    title: str
    drawing: Markup
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    hint: str = ""
    key: Sequence[tuple[str, str]] = ()
    links: Sequence[str] = ()


DELAYS = (
    N_("Under 10 min"),
    N_("10 to 30 min"),
    N_("30 to 60 min"),
    N_("1 to 3 h"),
    N_("3 to 6 h"),
    N_("6 to 12 h"),
    N_("12 to 24 h"),
    N_("1 to 2 days"),
    N_("2 to 3 days"),
    N_("3 to 7 days"),
    N_("Over 7 days"),
)
"""The names of sums.delays.STEPS."""


_DELAY_MARKS = ("", N_("30 min"), "", N_("3 h"), "", N_("12 h"), "", N_("2 days"), "", N_("7 days"), "")
"""The ends of some steps, below the axis."""


class Artist:
    """Draws the charts of a page for a reader. `behind`: the addresses of what each value counts."""

    def __init__(self, language: Language, behind: Behind) -> None:
        self._language, self._behind = language, behind

    def revenue(self, now: Counted, currency: str, before: Counted | None) -> Picture:
        """Net revenue by day, with that of the comparison as a dashed line."""
        say, money = self._language.text, self._language.money
        spans = spans_of(now.first, now.last)
        sold = sold_in(now, currency, spans)
        earlier = sold_in(before, currency, spans_of(before.first, before.last)) if before else []
        title = say(_by(spans, "revenue"))
        head = self._head("revenue", title, spans)
        values = self._values(spans, [(one.net, money(one.net, currency)) for one in sold])
        table = [
            [
                self._span(span),
                money(one.net, currency),
                *([money(earlier[n].net, currency) if n < len(earlier) else "–"] if before else []),
            ]
            for n, (span, one) in enumerate(zip(spans, sold, strict=True))
        ]
        drawn = columns.lines(head, values, [one.net for one in earlier], self._axis)
        key = [("now", say(N_("This period"))), ("before", say(N_("Compared with")))] if before else []
        columns_of = [say(N_("Day")), say(N_("Net revenue")), *([say(N_("Compared with"))] if before else [])]
        links = self._links(spans, [one.orders for one in sold], self._behind.money)
        name = f"{title} ({currency})"
        return Picture("revenue", name, Markup(drawn), columns_of, table, key=key, links=links)  # noqa: S704

    def orders(self, now: Counted, currency: str) -> Picture:
        """Orders by day."""
        say, number = self._language.text, self._language.number
        spans = spans_of(now.first, now.last)
        sold = sold_in(now, currency, spans)
        title = say(_by(spans, "orders"))
        values = self._values(spans, [(Decimal(one.orders), number(one.orders)) for one in sold])
        drawn = columns.bars(self._head("orders", title, spans), values, self._axis, whole=True)
        table = [[self._span(span), number(one.orders)] for span, one in zip(spans, sold, strict=True)]
        heads = [say(N_("Day")), say(N_("Orders"))]
        links = self._links(spans, [one.orders for one in sold], self._behind.orders)
        return Picture("orders", f"{title} ({currency})", Markup(drawn), heads, table, links=links)  # noqa: S704

    def buyers(self, now: Counted, currency: str) -> Picture:
        """Attributed orders by day: orders of returning buyers, with orders of new buyers on top."""
        say, number = self._language.text, self._language.number
        spans = spans_of(now.first, now.last)
        found = buyers_in(now, currency, spans)
        title = say(N_("New and returning buyers"))
        returning, new = say(N_("Orders of returning buyers")), say(N_("Orders of new buyers"))
        lower = self._values(spans, [(Decimal(one.returning), number(one.returning)) for one in found])
        upper = self._values(spans, [(Decimal(one.first), number(one.first)) for one in found])
        svg = columns.stacked(self._head("buyers", title, spans), lower, upper, self._axis, whole=True)
        hint = say(N_("A buyer is new if no earlier order from the same e-mail address is known here."))
        heads = [say(N_("Day")), returning, new, say(N_("Buyer not known"))]
        table = [
            [self._span(span), *map(number, (one.returning, one.first, one.unknown))]
            for span, one in zip(spans, found, strict=True)
        ]
        key = [("human", returning), ("bots", new)]
        counts = [one.returning + one.first + one.unknown for one in found]
        links = self._links(spans, counts, self._behind.orders)
        return Picture("buyers", f"{title} ({currency})", Markup(svg), heads, table, hint, key, links)  # noqa: S704

    def clicks(self, now: Counted) -> Picture:
        """Human clicks by day, with bot clicks on top."""
        spans = spans_of(now.first, now.last)
        title = self._language.text(_by(spans, "clicks"))
        names = [self._span(span) for span in spans]
        marks = [self._language.short_date(span.first) for span in spans]
        head = self._head("clicks", title, spans)
        return self._two(head, clicks_in(now, spans), names, marks, self._language.text(N_("Day")))

    def hours(self, found: Sequence[tuple[int, int]]) -> Picture:
        """Clicks in each hour after sending."""
        say = self._language.text
        title = say(N_("Clicks by hour after sending"))
        names = [say(N_("Hour %(number)s"), number=n + 1) for n in range(len(found))]
        marks = [f"{n + 1}" if n % 12 == 0 else "" for n in range(len(found))]
        summary = say(N_("The first hour is the full hour in which sending began, such as 10:00 to 11:00."))
        return self._two(Head("hours", title, summary), found, names, marks, say(N_("Hour")), summary)

    def funnel(self, steps: Sequence[tuple[str, int]], hint: str) -> Picture:
        """From e-mails sent to buyers; each step with its percentage of the previous step."""
        say, number = self._language.text, self._language.number
        title = say(N_("From e-mail to purchase"))
        drawn, before = [], 0
        for name, count in steps:
            share = f" ({self._language.rate(count / before)})" if before else ""
            drawn.append(Row(name, Decimal(count), f"{number(count)}{share}"))
            before = count
        heads = [say(N_("Step")), say(N_("People"))]
        svg = rows.funnel(Head("funnel", title, hint), drawn)
        return Picture("funnel", title, Markup(svg), heads, [[r.name, r.text] for r in drawn], hint)  # noqa: S704

    def delays(self, found: Sequence[int]) -> Picture:
        """How long after the click people bought."""
        say, number = self._language.text, self._language.number
        title = say(N_("Time from click to purchase"))
        names = [say(name) for name in DELAYS]
        both = zip(names, found, _DELAY_MARKS, strict=True)
        values = [
            Value(Decimal(count), f"{name}: {number(count)}", say(mark) if mark else "")
            for name, count, mark in both
        ]
        hint = say(N_("Orders of this period, by the time since the click that earned them."))
        heads = [say(N_("Time since the click")), say(N_("Orders"))]
        head = Head("delays", title, hint)
        svg = columns.bars(head, values, self._axis, whole=True, touching=True)
        table = [[name, number(count)] for name, count in zip(names, found, strict=True)]
        links = [
            self._behind.orders(currency=None, delay=step) if count else ""
            for step, count in enumerate(found)
        ]
        return Picture("delays", title, Markup(svg), heads, table, hint, links=links)  # noqa: S704

    def best(
        self, name: str, title: str, found: Sequence[Best], currency: str, count: str, hint: str = ""
    ) -> Picture:
        """The best campaigns, links or items by net revenue. `count`: the heading of the last column."""
        say, money, number = self._language.text, self._language.money, self._language.number
        drawn = [Row(one.name, one.sold.net, money(one.sold.net, currency)) for one in found]
        table = [
            [one.name, money(one.sold.net, currency), number(one.quantity or one.sold.orders)]
            for one in found
        ]
        heads = [say(N_("Name")), say(N_("Net revenue")), count]
        svg = rows.ranking(Head(name, title, hint or title), drawn)
        links = [self._behind.best(name, one) for one in found]
        return Picture(name, f"{title} ({currency})", Markup(svg), heads, table, hint, links=links)  # noqa: S704

    def _links(
        self, spans: Sequence[Span], counts: Sequence[int], address: Callable[[Range], str]
    ) -> list[str]:
        return [
            address(Range(span.first, span.last)) if count else ""
            for span, count in zip(spans, counts, strict=True)
        ]

    def _two(
        self,
        head: Head,
        found: Sequence[tuple[int, int]],
        names: Sequence[str],
        marks: Sequence[str],
        unit: str,
        hint: str = "",
    ) -> Picture:
        say, number = self._language.text, self._language.number
        human, bots = say(N_("Human clicks")), say(N_("Bot clicks"))
        both = zip(names, found, marks, strict=True)
        lower, upper, table = [], [], []
        for name, (people, machines), mark in both:
            lower.append(Value(Decimal(people), f"{name}: {number(people)} {human}", mark))
            upper.append(Value(Decimal(machines), f"{name}: {number(machines)} {bots}"))
            table.append([name, number(people), number(machines)])
        svg = columns.stacked(head, lower, upper, self._axis, whole=True)
        key = [("human", human), ("bots", bots)]
        return Picture(head.name, head.title, Markup(svg), [unit, human, bots], table, hint, key)  # noqa: S704

    def _head(self, name: str, title: str, spans: Sequence[Span]) -> Head:
        ends = (self._language.date(spans[0].first), self._language.date(spans[-1].last))
        summary = self._language.text(N_("From %(first)s to %(last)s."), first=ends[0], last=ends[1])
        return Head(name, title, summary)

    def _values(self, spans: Sequence[Span], amounts: Sequence[tuple[Decimal, str]]) -> list[Value]:
        return [
            Value(amount, f"{self._span(span)}: {text}", self._language.short_date(span.first))
            for span, (amount, text) in zip(spans, amounts, strict=True)
        ]

    def _span(self, span: Span) -> str:
        first = self._language.date(span.first)
        return first if span.first == span.last else f"{first} – {self._language.date(span.last)}"

    def _axis(self, tick: Decimal) -> str:
        return self._language.short(tick)


_TITLES = {
    "revenue": (N_("Net revenue by day"), N_("Net revenue by week"), N_("Net revenue per 30 days")),
    "orders": (N_("Orders by day"), N_("Orders by week"), N_("Orders per 30 days")),
    "clicks": (N_("Clicks by day"), N_("Clicks by week"), N_("Clicks per 30 days")),
}


def _by(spans: Sequence[Span], what: str) -> str:
    length = _length(spans[0].first, spans[0].last)
    return _TITLES[what][0 if length == 1 else 1 if length <= 7 else 2]


def _length(first: date, last: date) -> int:
    return (last - first).days + 1
