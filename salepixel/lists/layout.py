"""What the columns of a list mean: proposed by their names and contents, changed by the reader.

The csv module parses. Its Sniffer is not used: it fails for files with one column, and its expressions take
quadratic time. Instead each separator is tried, and the one that gives the best columns is proposed.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from salepixel.lists.records import read_records
from salepixel.reading.emails import is_email
from salepixel.reading.references import normal_reference

SEPARATORS = (",", ";", "\t", "|")
SAMPLED = 50
"""The records that are looked at."""

MAX_COLUMNS = 200


class Role(StrEnum):
    """The meaning of a column. Stored, and sent by programs."""

    REFERENCE = "reference"
    EMAIL = "email"
    CONSENT = "consent"  # yes: may be tracked
    OPT_OUT = "opt_out"  # yes: opted out
    SENT_AT = "sent_at"  # when the contact got the e-mail of a flow
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a list is read: its separator, whether the first line has names, and the role of each column."""

    separator: str
    has_header: bool
    roles: tuple[Role, ...]

    def place_of(self, role: Role) -> int | None:
        """The position of the column with this role; None if there is none."""
        return self.roles.index(role) if role in self.roles else None

    def as_json(self) -> dict[str, Any]:
        """For the parameters of a computation."""
        return {"separator": self.separator, "has_header": self.has_header, "roles": list(self.roles)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Layout":
        """The object that `as_json` wrote."""
        roles = tuple(Role(name) for name in content["roles"])
        return cls(content["separator"], content["has_header"], roles)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Names of columns in the exports of e-mail platforms and shops, without accents, spaces and signs; the first
# ones are preferred. Mailchimp (mailchimp.com/help/view-export-contacts), Brevo, Klaviyo, HubSpot,
# ActiveCampaign, MailerLite, listmonk, Mautic, Shopify.
_NAMES = {
    Role.REFERENCE: _words(
        "reference referencia ref contactreference referenciadecontacto contactref contactid idcontacto "
        "iddecontacto idcontact subscriberid subscriberuuid idsuscriptor iddesuscriptor uuid klaviyoid "
        "profileid recordid hsobjectid recordidcontact externalid extid idexterno uniqid uniqueid euid leid "
        "customerid clientid idcliente iddecliente identificador identifier id"
    ),
    Role.EMAIL: _words(
        "email emailaddress correo correoelectronico direcciondecorreo direcciondecorreoelectronico "
        "direccionemail direcciondeemail emailcontacto mail subscriber subscriberemail suscriptor emailhome "
        "primaryemail email1"
    ),
    Role.CONSENT: _words(
        "consent consentimiento trackingconsent consentimientodeseguimiento optin optedin acepta "
        "aceptaseguimiento gdprconsent consentimientorgpd emailmarketingconsent emailconsent "
        "acceptsemailmarketing acceptsmarketing aceptamarketing subscribed suscrito subscriptionstatus "
        "emailmarketingstatus estadodesuscripcion marketingstatus status estado"
    ),
    Role.OPT_OUT: _words(
        "optout optedout bajadeseguimiento baja dadodebaja unsubscribed unsubscribedfromallemail "
        "unsubscribedfromemail desuscrito blocklisted blacklisted donottrack nosequir"
    ),
    Role.SENT_AT: _words(
        "sentat senton senttime sendtime senddate datesent sentdate enviadoel enviado fechadeenvio fechaenvio"
    ),
}

_YES = _words(
    "yes y true 1 si s x on verdadero granted given subscribed suscrito suscrita active activo activa "
    "enabled confirmed confirmado alta acepta aceptado concedido optin optedin in"
)
_NO = _words(
    "no n false 0 off falso denied withdrawn revoked refused unsubscribed desuscrito desuscrita inactive "
    "inactivo inactiva disabled baja dadodebaja rechazado denegado retirado revocado optout optedout out "
    "blocklisted blacklisted"
)
"""What yes and no are written as, in English and Spanish, and in the platforms' exports."""

_SIGNS = re.compile(r"[\W_]+")


def read_consent(text: str) -> bool | None:
    """Whether a text means yes or no; None for another text."""
    word = _plain(text)
    return True if word in _YES else False if word in _NO else None


def read_time(text: str) -> datetime | None:
    """The time in a text as ISO 8601 has it, in UTC if it names no zone; None for another text."""
    try:
        found = datetime.fromisoformat(text.strip())
        found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 2000 <= found.year < 2100 else None


def propose(head: Sequence[str]) -> Layout:
    """The layout of a list by its first lines."""
    return max((propose_with(head, separator) for separator in SEPARATORS), key=lambda found: found[0])[1]


def propose_with(
    head: Sequence[str], separator: str, *, has_header: bool | None = None
) -> tuple[tuple[int, float, int], Layout]:
    """The layout with this separator, and how well it fits. `has_header`: None if it is not known."""
    found = [one.fields for one in read_records(head, separator) if one.fields and any(one.fields)]
    rows = [row[:MAX_COLUMNS] for row in found[:SAMPLED]]
    if not rows:
        return (0, 0.0, 0), Layout(separator, bool(has_header), (Role.IGNORED,))
    widths = Counter(map(len, rows))
    width, usual = widths.most_common(1)[0]
    first = [_plain(name) for name in rows[0]]
    named = any(name in names for name in first for names in _NAMES.values())
    if has_header is None:
        has_header = not any(map(is_email, rows[0])) and (named or _begins_with_names(rows))
    width = len(rows[0]) if has_header else width
    roles = _roles(first if has_header else [], [row for row in rows[has_header:] if len(row) >= 1], width)
    known = sum(role is not Role.IGNORED for role in roles)
    return (known, usual / len(rows), width if width > 1 else 0), Layout(separator, has_header, roles)


def names_of(head: Sequence[str], layout: Layout) -> list[str]:
    """The names in the first line; empty texts without one."""
    first = next(read_records(head, layout.separator), None) if layout.has_header else None
    names = list(first.fields or [])[: len(layout.roles)] if first else []
    return names + [""] * (len(layout.roles) - len(names))


def _begins_with_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has no address in a column that has addresses below."""
    return any(
        sum(is_email(row[place]) for row in rows[1:] if place < len(row)) * 2 > len(rows) - 1 > 0
        for place in range(len(rows[0]))
    )


def _roles(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> tuple[Role, ...]:
    columns = [[row[place].strip() for row in rows if place < len(row)] for place in range(width)]
    chosen: dict[Role, int] = {}
    for role, known in _NAMES.items():
        places = [names.index(name) for name in known if name in names]
        free = [place for place in places if place < width and place not in chosen.values()]
        fitting = [place for place in free if _fits(role, columns[place])]
        if fitting and not (role is Role.OPT_OUT and Role.CONSENT in chosen):
            chosen[role] = fitting[0]
    for role in (Role.EMAIL, Role.CONSENT, Role.REFERENCE):
        if role not in chosen and not (role is Role.CONSENT and (names or Role.OPT_OUT in chosen)):
            fitting = [p for p in range(width) if p not in chosen.values() and _looks_like(role, columns[p])]
            chosen |= {role: fitting[0]} if fitting else {}
    by_place = {place: role for role, place in chosen.items()}
    return tuple(by_place.get(place, Role.IGNORED) for place in range(width))


def _fits(role: Role, values: Sequence[str]) -> bool:
    """Whether a column with the name of a role may have it: a `status` may be of something else."""
    if role in (Role.CONSENT, Role.OPT_OUT):
        filled = [value for value in values if value]
        return 2 * sum(read_consent(value) is not None for value in filled) >= len(filled)
    if role is Role.SENT_AT:
        filled = [value for value in values if value]
        return bool(filled) and 2 * sum(read_time(value) is not None for value in filled) >= len(filled)
    if role is Role.EMAIL:
        filled = [value for value in values if value]
        return not filled or any(map(is_email, filled))
    return True


def _looks_like(role: Role, values: Sequence[str]) -> bool:
    """Whether a column without a known name has this role by its contents."""
    filled = [value for value in values if value]
    if not filled:
        return False
    if role is Role.EMAIL:
        return sum(map(is_email, filled)) * 2 > len(filled)
    if role is Role.CONSENT:
        return len({value.lower() for value in filled}) <= 4 and all(
            read_consent(value) is not None and len(value) > 1 for value in filled
        )
    different = len(set(filled)) * 20 >= len(filled) * 19  # a reference names one contact
    return different and len(filled) * 10 >= len(values) * 9 and all(map(normal_reference, filled))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name[:200]).casefold()
    return _SIGNS.sub("", "".join(c for c in letters if not unicodedata.combining(c)))
