"""Parses amounts and currencies from people, shops and JavaScript."""

import re
from decimal import Decimal

from salepixel.money.amounts import MAX_AMOUNT, BadMoney
from salepixel.reading.text import read_text

_LIMIT = MAX_AMOUNT - Decimal("0.5")
"""In a currency without decimals, an amount from here on may be rounded up to MAX_AMOUNT."""

_MAX_WRITTEN = 60
_MAX_FRACTION = 16
"""With 12 digits before the mark, Decimal is still exact. Rounding half up needs only one more digit."""

_SIMPLE = re.compile(r"[0-9]{1,11}(?:[.,][0-9]{1,2})?")
# The number, and the text before and after it. A mark before the first digit belongs to the number (".50"),
# unless it ends an abbreviation ("Rs.500").
_PARTS = re.compile(r"([^0-9]*?)((?:(?<![\w/])[.,])?[0-9](?:[0-9., ']*[0-9])?)([^0-9]*)")
_NO_CENTS = re.compile(r"[.,:]\s?-{1,2}|[.,]")
"""Marks after a number that replace the cents: "39,-", "39.--", "39."."""

_SAME = str.maketrans({"−": "-", "–": "-", "—": "-", "’": "'", "ʼ": "'", "´": "'"})
_IN_USE = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK
    LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD
    OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN
    SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF
    YER ZAR ZMW ZWG
"""
_CODES = frozenset(_IN_USE.split())
"""The currencies in use (ISO 4217). Inside an amount only these count as a currency: "5 pcs" has none."""

_NAMES = {"EURO": "EUR", "EUROS": "EUR"}
"""Other names of a currency. Signs are not among them: several currencies use "$"."""

_MARKS = frozenset(
    (
        *"€$£¥￥₹₽₩₪₫₱₴₺₦₡₲₵₸₼₾฿៛¢¤円元",
        *(
            "R$",
            "US$",
            "A$",
            "AU$",
            "C$",
            "CA$",
            "MX$",
            "NZ$",
            "HK$",
            "NT$",
            "S$",
            "S/",
            "S/.",
            "B/.",
            "BS",
            "BS.",
        ),
        *(
            "GS",
            "Q",
            "L",
            "R",
            "RM",
            "RP",
            "RS",
            "RS.",
            "FR",
            "FR.",
            "SFR",
            "SFR.",
            "KR",
            "KR.",
            "KČ",
            "ZŁ",
            "FT",
        ),
        *(
            "LEI",
            "ЛВ",
            "ЛВ.",
            "РУБ",
            "РУБ.",
            "Р",
            "Р.",
            "ГРН",
            "ГРН.",
            "ДИН",
            "ДИН.",
            "ДЕН",
            "DIN",
            "DIN.",
            "KN",
        ),
        *("KM", "TL", "DH", "KD", "BD", "QR", "SR"),
    )
)
"""Marks of currencies beside an amount, in capital letters."""


def read_currency(text: str) -> str:
    """A currency's three-letter code in capital letters. Raises BadMoney: bad_currency."""
    code = read_text(text, 10).upper()
    code = "EUR" if code == "€" else code
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise BadMoney("bad_currency")
    return code


def named_currency(text: str) -> str:
    """The currency inside an amount ("39,80 EUR"); empty if there is none, or the text is no amount."""
    found = None if _SIMPLE.fullmatch(text) else _PARTS.fullmatch(_bare(text))
    marks = (_currency_mark(found[1]), _currency_mark(_behind(found[3]))) if found else ()
    return next((code for mark in marks if (code := _NAMES.get(mark, mark)) in _CODES), "")


def read_amount(text: str, digits: int) -> Decimal:
    """Parse an amount: "1.234,56 €", "1,234.56", "59.849999999999994", "39,-".

    The result is exact; the caller rounds it half up to the currency's `digits`. With both a point and a
    comma, the last one is the decimal mark. A mark that occurs twice groups thousands, as do apostrophes and
    spaces. A single mark is a decimal mark, whatever the number of digits after it, as in JavaScript. But in
    a currency without decimals, a mark before three digits groups thousands ("1.234" JPY is 1234).
    Raises BadMoney: bad_amount or negative_amount.
    """
    if _SIMPLE.fullmatch(text):
        return Decimal(_with_point(*text.replace(",", ".").partition(".")[::2]))
    found = _PARTS.fullmatch(_bare(text))
    if found is None:
        raise BadMoney("bad_amount")
    before, number, behind = found.groups()
    if "-" in _behind(behind) or not all(
        _is_mark(_currency_mark(text)) for text in (before, _behind(behind))
    ):
        raise BadMoney("bad_amount")
    if "-" in before:
        raise BadMoney("negative_amount")
    decimal_mark = _decimal_mark(number, digits)
    whole, _, fraction = number.rpartition(decimal_mark) if decimal_mark else (number, "", "")
    joined = _without_groups(whole)
    if len(joined) > 15 or not (fraction or joined) or not (fraction or "0").isdigit():
        raise BadMoney("bad_amount")
    amount = Decimal(_with_point(joined or "0", fraction[:_MAX_FRACTION]))
    if amount >= _LIMIT:
        raise BadMoney("bad_amount")
    return amount


def _bare(text: str) -> str:
    return read_text(text, _MAX_WRITTEN + 1).translate(_SAME)


def _with_point(whole: str, fraction: str) -> str:
    return f"{whole}.{fraction or '0'}"


def _behind(text: str) -> str:
    no_cents = _NO_CENTS.match(text)
    return text[no_cents.end() :] if no_cents else text


def _currency_mark(beside: str) -> str:
    return beside.replace("-", "").strip().upper()


def _is_mark(mark: str) -> bool:
    return not mark or mark in _CODES or mark in _NAMES or mark in _MARKS


def _decimal_mark(number: str, digits: int) -> str:
    dots, commas = number.count("."), number.count(",")
    if dots and commas:
        return "." if number.rfind(".") > number.rfind(",") else ","
    if dots + commas != 1:
        return ""
    mark = "." if dots else ","
    whole, _, fraction = number.partition(mark)
    groups_thousands = not digits and len(fraction) == 3 and len(whole) <= 3 and whole.isdigit()
    return "" if groups_thousands and whole[0] != "0" else mark


def _without_groups(whole: str) -> str:
    """The digits of a number in groups of three, or, as in India, groups of two before the last three."""
    marks = set(whole) - set("0123456789")
    if len(marks) > 1:
        raise BadMoney("bad_amount")
    first, *groups = whole.split(marks.pop()) if marks else [whole]
    *middle, last = groups or ["000"]
    by_thousands = 1 <= len(first) <= 3 and all(len(group) == 3 for group in middle)
    in_india = 1 <= len(first) <= 2 and all(len(group) == 2 for group in middle)
    if groups and not (len(last) == 3 and (by_thousands or in_india)):
        raise BadMoney("bad_amount")
    return first + "".join(groups)
