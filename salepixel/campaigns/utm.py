"""UTM parameters of destinations, for the shop's web analytics, by pattern.

The five names are those of Google Analytics (support.google.com/analytics/answer/10917952).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import quote

from salepixel.campaigns.links import parameter_name, with_appended, without_parameters

PLACEHOLDERS = ("campaign", "link", "position")
_PLACEHOLDER = re.compile(r"\{(.*?)\}|[{}]", re.DOTALL)
_NAMED = "named"
_OF_ONE_LINK = re.compile(r"\{(?:link|position)\}")


class BadPattern(ValueError):
    """A pattern that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Utm:
    """The pattern of each UTM parameter; empty: it is not added.

    Patterns may have `{campaign}` (the campaign's name), `{link}` (the link's label) and `{position}` (the
    number of the link in the campaign, from 1). `replace`: also over parameters that a destination has.
    """

    source: str = ""
    medium: str = ""
    campaign: str = ""
    content: str = ""
    term: str = ""
    replace: bool = False

    @property
    def patterns(self) -> dict[str, str]:
        """The patterns that are not empty, by the names of their parameters."""
        found = {f"utm_{name}": pattern for name, pattern in asdict(self).items() if name != "replace"}
        return {name: pattern for name, pattern in found.items() if pattern}

    def as_text(self) -> str:
        """As it is stored: JSON of what is set; empty if nothing is added."""
        return (
            json.dumps({name: value for name, value in asdict(self).items() if value})
            if self.patterns
            else ""
        )


def read_utm(text: str) -> Utm:
    """The patterns in a text of `Utm.as_text` or `named_utm`."""
    content = json.loads(text) if text else {}
    content.pop(_NAMED, None)
    return Utm(**content)


def named_utm(text: str, name: str) -> str:
    """The text of a campaign that gets another name: `name` stays in its UTM parameters."""
    return json.dumps({_NAMED: name} | json.loads(text)) if text else ""


def name_in_utm(text: str, name: str) -> str:
    """The name of a campaign in its UTM parameters; `name`: of the campaign now."""
    return str(json.loads(text).get(_NAMED, name)) if text else name


def check_pattern(pattern: str) -> str:
    """The pattern. Raises BadPattern for placeholders that do not exist."""
    for found in _PLACEHOLDER.finditer(pattern):
        if found[1] not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise BadPattern(f"has {found[0]}, which is none of the placeholders {known}")
    return pattern


def with_utm(url: str, utm: Utm, campaign: str, label: str, position: int) -> str:
    """The destination with UTM parameters; those that it has already stay, unless they are to be replaced."""
    values = {"campaign": campaign, "link": label or str(position), "position": str(position)}
    return _added(url, {name: _fill(pattern, values) for name, pattern in utm.patterns.items()}, utm.replace)


def without_utm(url: str, utm: Utm, campaign: str, label: str, position: int) -> str:
    """The destination to which `with_utm` added these parameters; unchanged if it added none."""
    bare = without_parameters(url, frozenset(utm.patterns))
    return bare if with_utm(bare, utm, campaign, label, position) == url else url


def utm_of_all(utm: Utm, campaign: str) -> dict[str, str]:
    """The parameters that are the same for all links of a campaign, with their values."""
    return {
        name: _fill(pattern, {"campaign": campaign})
        for name, pattern in utm.patterns.items()
        if not _OF_ONE_LINK.search(pattern)
    }


def query_of(parameters: Mapping[str, str]) -> str:
    """Parameters as a query, without `?`."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())


def _fill(pattern: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]], pattern)


def _added(url: str, parameters: Mapping[str, str], replace: bool) -> str:
    known = set() if replace else names_of(url)
    added = query_of({name: value for name, value in parameters.items() if value and name not in known})
    return with_appended(url, added) if added else url


def names_of(url: str) -> set[str]:
    """The names of the query parameters of an address."""
    return {parameter_name(part) for part in url.partition("#")[0].partition("?")[2].split("&")}
