"""The directory in Redis: accounts, changed links and opt-outs, for the edges."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

DIRECTORY_KEY = "salepixel:directory"
"""A Redis string: the directory as JSON, see Directory."""


DIRECTORY_VERSION_KEY = "salepixel:directory:version"
"""A Redis string: a digest of the directory, so that edges read all of it only after a change."""


class BadDirectory(ValueError):
    """Text that is not a directory of accounts."""


def contact_digest(contact: bytes) -> str:
    """The digest of a contact (in UTF-8) in the directory: short, and it does not reveal the contact."""
    return hashlib.blake2b(contact, digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Directory:
    """The accounts, for the edges: empId -> (tracking host or empty, encrypted pixel secret or empty).

    `require_signature`: accounts whose pixel must be signed. `links`: links changed after sending, link id ->
    new address, empty if switched off. `currencies`: the accounts' currencies; missing in directories from
    before 2026-11-28. `opted_out`: the contacts who opted out, by account, as `contact_digest`. `tags`: an
    account's merge tags for contacts that belong to no known e-mail platform, in normal form.
    `erased`: keyed hashes of erased data (Keys.hash_erased), by account, contacts among them. `link_hosts`:
    the hosts of an account's dynamic links (Account.leads_to).
    """

    accounts: dict[int, tuple[str, str]]
    require_signature: frozenset[int] = frozenset()
    links: dict[str, str] = field(default_factory=dict)
    opted_out: dict[int, frozenset[str]] = field(default_factory=dict)
    currencies: dict[int, str] = field(default_factory=dict)
    tags: dict[int, frozenset[str]] = field(default_factory=dict)
    erased: dict[int, frozenset[str]] = field(default_factory=dict)
    link_hosts: dict[int, frozenset[str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text to store at DIRECTORY_KEY."""
        return json.dumps(
            {
                "accounts": {str(k): list(v) for k, v in self.accounts.items()},
                "require_signature": sorted(self.require_signature),
                "links": self.links,
                "opted_out": {str(k): sorted(digests) for k, digests in self.opted_out.items()},
                "currencies": {str(k): currency for k, currency in self.currencies.items()},
                "tags": {str(k): sorted(tags) for k, tags in self.tags.items()},
                "erased": {str(k): sorted(digests) for k, digests in self.erased.items()},
                "link_hosts": {str(k): sorted(hosts) for k, hosts in self.link_hosts.items()},
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> "Directory":
        """The directory in a text. Raises BadDirectory for anything that `to_json` did not write."""
        try:
            content: Any = json.loads(text)
            accounts = {int(k): (str(h), str(s)) for k, (h, s) in content["accounts"].items()}
            links = {str(link): str(url) for link, url in content["links"].items()}
            currencies = {int(k): str(v) for k, v in content.get("currencies", {}).items()}
            # A directory of an older version has `refused` in place of `opted_out`, and may lack other
            # fields.
            opted_out, tags, erased, link_hosts = (
                {int(k): frozenset(map(str, v)) for k, v in lists.items()}
                for lists in (
                    content.get("opted_out", content.get("refused", {})),
                    content.get("tags", {}),
                    content.get("erased", {}),
                    content.get("link_hosts", {}),
                )
            )
            signed = frozenset(content["require_signature"])
            return cls(accounts, signed, links, opted_out, currencies, tags, erased, link_hosts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadDirectory("not a directory of accounts") from error
