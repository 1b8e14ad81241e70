"""Writes a report as a mail: subject, text and HTML, in a reader's language.

HTML of mails: tables, and styles in attributes, because Outlook draws with Word and Gmail removes style
sheets. Bars are cells of tables, because mail programs show neither SVG nor, before a click, pictures
(docs/adr/0054).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from html import escape
from typing import NamedTuple

from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from salepixel.report.figures import (
    MONEY,
    RATES,
    Figure,
    Name,
    Span,
    figures_of,
    sold_in,
)
from salepixel.subscriptions.report import Report
from salepixel.subscriptions.rules import MONTH
from salepixel.subscriptions.texts import TITLES, WORDS

MOST_CURRENCIES = 3
MOST_DAYS = 14

_OF_CURRENCY = MONEY | {Name.ORDERS}
"""Figures that differ between currencies. The others are said once."""

_NO_CHANGE = Decimal("0.005")
_LESS = "color:#5d5d66"
_BAR = "#2a6f6b"
_FONT = "font-family:Arial,Helvetica,sans-serif"


class Links(NamedTuple):
    """The addresses in a mail: the page with more, and the one that ends the subscription."""

    page: str
    end: str


class Written(NamedTuple):
    """A report, written."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Row:
    """A name with a value, and what is said about it. `share`: of the longest bar."""

    name: str
    value: str
    says: str = ""
    change: str = ""
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class _Part:
    """A heading with its rows; with bars, or with big values."""

    title: str
    rows: list[_Row]
    bars: bool


def write(report: Report, language: str, address: str, links: Links) -> Written:
    """The mail. `address`: who gets it."""
    words = WORDS[language]
    name, account = report.name, f"{report.account.name} {report.account.emp_id}"
    month = format_skeleton("yMMMM", report.now.first, locale=language)
    intro = (
        words["of_month"]
        if report.kind == MONTH
        else words["of_campaign"] % {"sent": format_date(report.now.first, "d MMM y", locale=language)}
    )
    subject = words[report.kind] % {"name": name, "month": month}
    parts = list(_parts(report, language))
    if not report.now.currencies:
        intro = f"{intro} {words['nothing']}"
    why = words["why"] % {"address": address, "account": account}
    return Written(
        subject,
        _as_text(subject, intro, parts, words, why, links),
        _as_html(subject, intro, parts, words, why, links, language),
    )


def _parts(report: Report, language: str) -> Iterator[_Part]:
    words = WORDS[language]
    currencies = report.now.currencies or [report.account.currency]
    for number, currency in enumerate(currencies[:MOST_CURRENCIES]):
        rows = [
            _figure(figure, currency, language)
            for figure in figures_of(report.now, currency, report.before)
            if number == 0 or figure.name in _OF_CURRENCY
        ]
        yield _Part(currency, rows, bars=False)
        spans = list(_spans(report.now.first, report.now.last))
        sold = [one.net for one in sold_in(report.now, currency, spans)]
        if any(sold):
            most = max(*sold, Decimal(1))
            of_days = [
                _Row(_span(span, language), _money(net, currency, language), share=_share(net, most))
                for span, net in zip(spans, sold, strict=True)
            ]
            yield _Part(words["by_day" if spans[0].first == spans[0].last else "by_week"], of_days, bars=True)
        best = report.best.get(currency, [])
        if best:
            most = max(*(one.sold.net for one in best), Decimal(1))
            of_best = [
                _Row(
                    one.name,
                    _money(one.sold.net, currency, language),
                    _orders(one.sold.orders, words),
                    share=_share(one.sold.net, most),
                )
                for one in best
            ]
            yield _Part(words["campaigns" if report.kind == MONTH else "links"], of_best, bars=True)


def _spans(first: date, last: date) -> Iterator[Span]:
    """Each day, or more than MOST_DAYS by weeks."""
    length = timedelta(days=1 if (last - first).days < MOST_DAYS else 7)
    while first <= last:
        yield Span(first, min(first + length - timedelta(days=1), last))
        first += length


def _share(net: Decimal, most: Decimal) -> float:
    return float(max(net, Decimal(0)) / most)


def _orders(count: int, words: Mapping[str, str]) -> str:
    return words["order"] if count == 1 else words["orders"] % {"count": count}


def _figure(figure: Figure, currency: str, language: str) -> _Row:
    title, meaning = TITLES[language][figure.name]
    value = _value(figure.name, figure.value, currency, language)
    return _Row(title, value, meaning, _change(figure, currency, language))


def _change(figure: Figure, currency: str, language: str) -> str:
    if figure.before is None:
        return ""
    before, change = _value(figure.name, figure.before, currency, language), figure.change
    if change is None or abs(change) < _NO_CHANGE:
        return WORDS[language]["before" if change is None else "same"] % {"value": before}
    share = format_percent(abs(change), locale=language)
    return WORDS[language]["more" if change > 0 else "less"] % {"share": share, "value": before}


def _value(name: Name, value: Decimal, currency: str, language: str) -> str:
    if name in MONEY:
        return _money(value, currency, language)
    if name in RATES:
        return format_percent(round(value, 4), locale=language, decimal_quantization=False)
    return format_decimal(value, locale=language)


def _money(amount: Decimal, currency: str, language: str) -> str:
    return format_currency(amount, currency, locale=language)


def _span(span: Span, language: str) -> str:
    first = format_date(span.first, "d MMM", locale=language)
    return (
        first if span.first == span.last else f"{first} – {format_date(span.last, 'd MMM', locale=language)}"
    )


def _as_text(
    subject: str, intro: str, parts: list[_Part], words: Mapping[str, str], why: str, links: Links
) -> str:
    lines = [subject, "", intro]
    for part in parts:
        lines += ["", part.title, ""]
        for row in part.rows:
            says = "; ".join(one for one in (row.change, row.says) if one)
            lines.append(f"{row.name}: {row.value}" + (f" ({says})" if says else ""))
    lines += ["", f"{words['open']}: {links.page}", "", "-- ", why, f"{words['end']}: {links.end}"]
    return "\n".join(lines) + "\n"


def _as_html(
    subject: str,
    intro: str,
    parts: list[_Part],
    words: Mapping[str, str],
    why: str,
    links: Links,
    language: str,
) -> str:
    body = "".join(_part_as_html(part) for part in parts)
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(subject)}</title></head>"
        f'<body style="margin:0;padding:16px;background:#f4f4f1;color:#1d1d22;{_FONT}">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" '
        'style="max-width:600px;background:#ffffff;color:#1d1d22">'
        '<tr><td style="padding:24px">'
        f'<h1 style="margin:0 0 8px;font-size:22px">{escape(subject)}</h1>'
        f'<p style="margin:0 0 16px;font-size:15px;line-height:1.5">{escape(intro)}</p>'
        f"{body}"
        f'<p style="margin:24px 0 0"><a href="{escape(links.page)}" '
        f'style="display:inline-block;padding:12px 20px;background:{_BAR};color:#ffffff;'
        f'text-decoration:none;font-size:15px">{escape(words["open"])}</a></p>'
        "</td></tr>"
        f'<tr><td style="padding:16px 24px;font-size:12px;line-height:1.5;{_LESS}">{escape(why)} '
        f'<a href="{escape(links.end)}" style="{_LESS}">{escape(words["end"])}</a></td></tr>'
        "</table></td></tr></table></body></html>\n"
    )


def _part_as_html(part: _Part) -> str:
    rows = "".join((_bar_as_html if part.bars else _figure_as_html)(row) for row in part.rows)
    return (
        f'<h2 style="margin:24px 0 8px;font-size:17px">{escape(part.title)}</h2>'
        '<table width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse;font-size:14px">'
        f"{rows}</table>"
    )


def _figure_as_html(row: _Row) -> str:
    change = f'<br><span style="font-size:12px">{escape(row.change)}</span>' if row.change else ""
    return (
        '<tr><th scope="row" align="left" style="padding:8px 8px 8px 0;border-top:1px solid #dddddd;'
        f'font-weight:normal">{escape(row.name)}<br><span style="font-size:12px;{_LESS}">{escape(row.says)}'
        '</span></th><td align="right" style="padding:8px 0;border-top:1px solid #dddddd">'
        f"<strong>{escape(row.value)}</strong>{change}</td></tr>"
    )


def _bar_as_html(row: _Row) -> str:
    width = round(row.share * 100)
    bar = (
        f'<td width="{width}%" bgcolor="{_BAR}" style="font-size:1px;line-height:8px;height:8px">&nbsp;</td>'
        if width
        else ""
    )
    rest = '<td style="font-size:1px;line-height:8px">&nbsp;</td>' if width < 100 else ""
    says = f' <span style="font-size:12px;{_LESS}">{escape(row.says)}</span>' if row.says else ""
    return (
        f'<tr><th scope="row" align="left" style="padding:6px 8px 0 0;font-weight:normal">{escape(row.name)}'
        f'{says}</th><td align="right" style="padding:6px 0 0">{escape(row.value)}</td></tr>'
        '<tr><td colspan="2" style="padding:2px 0 4px"><table role="presentation" width="100%" '
        f'cellpadding="0" cellspacing="0"><tr>{bar}{rest}</tr></table></td></tr>'
    )
