"""A campaign's e-mail with its links, as people see it: proposed and chosen uses."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from salepixel.accounts.store import Account
from salepixel.campaigns.links import BadLink, Link, LinkSealer, edge_url, token_in
from salepixel.campaigns.store import Campaign
from salepixel.campaigns.utm import Utm, read_utm, with_utm
from salepixel.mails.found import FoundLink
from salepixel.mails.mail import Mail
from salepixel.mails.proposals import Proposal, Use, Why, propose
from salepixel.mails.rewrite import Place, place_of, rewrite
from salepixel.mails.store import Choice, StoredMail

MAX_GROUP_LABEL = 200
"""As long as the label of a single link may be."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """The settings for tracked links. `edge`: the edge's own address.

    `click_parameter`: the name for the click token.
    """

    sealer: LinkSealer
    edge: str
    click_parameter: str

    def opened(self, address: str) -> Link | None:
        """The link in a tracked address, whatever its host; None if it is not a link of this installation."""
        token = token_in(address)
        try:
            return self.sealer.open(token) if token else None
        except BadLink:
            return None


@dataclass(frozen=True, slots=True)
class MailLink:
    """A link of a mail, with the proposed and the chosen use. `part`: from 0.

    `position`: its place in the part, from 0 (top) to 100 (bottom).
    """

    part: int
    found: FoundLink
    position: int
    proposal: Proposal
    choice: Choice

    @property
    def id(self) -> str:
        """The name of the link in forms and in the API."""
        return f"{self.part}-{self.found.start}"

    @property
    def place(self) -> Place:
        """Its place in the mail."""
        return self.part, self.found.start

    @property
    def host(self) -> str:
        """The host of its destination; empty if it cannot be tracked."""
        return urlsplit(self.proposal.destination).hostname or ""


@dataclass(frozen=True, slots=True)
class MailView:
    """A mail with its links, in their sequence in the mail. `campaign`: None for a draft."""

    stored: StoredMail
    mail: Mail
    account: Account
    links: list[MailLink]
    campaign: Campaign | None

    @property
    def name(self) -> str:
        """The name of the campaign, or of the draft."""
        return self.stored.name if self.campaign is None else self.campaign.name

    def rewritten(self, addresses: Mapping[str, str]) -> bytes:
        """The mail with tracked links, by the ids of the campaign's links; links without an address stay."""
        found = {one.place: addresses.get(one.choice.link_id or "") for one in self.links}
        return rewrite(self.mail, {place: one for place, one in found.items() if one is not None})

    def groups(self) -> list[list[MailLink]]:
        """The links to track, in groups that are one link in the report."""
        found = dict[tuple[object, ...], list[MailLink]]()
        for one in self.links:
            if one.choice.use is not Use.LEFT:
                same = () if self.stored.merged else (one.id,)
                found.setdefault((one.proposal.destination, one.choice.use, *same), []).append(one)
        return list(found.values())

    @property
    def utm(self) -> Utm:
        """The UTM parameters of its links: a draft has its own, or else those of the account."""
        if self.campaign is not None:
            return read_utm(self.campaign.utm)
        return read_utm(self.account.utm if self.stored.utm is None else self.stored.utm)

    def destinations(self) -> dict[str, str]:
        """Where the links to track lead, with UTM parameters, by their ids."""
        utm = self.utm
        name = self.campaign.utm_name if self.campaign else self.name
        found = dict[str, str]()
        for position, group in enumerate(self.groups(), 1):
            url = group[0].proposal.destination
            led = with_utm(url, utm, name, label_of_group(group), position)
            found |= dict.fromkeys((one.id for one in group), led)
        return found


def view_of(
    stored: StoredMail,
    mail: Mail,
    account: Account,
    proposals: Mapping[Place, Proposal],
    choices: Mapping[Place, Choice],
    campaign: Campaign | None,
) -> MailView:
    """A stored mail with its links."""
    links = []
    for number, found in mail.links():
        place = place_of(number, found)
        one = proposals[place]
        position = 100 * found.start // max(1, len(mail.parts[number].text))
        links.append(MailLink(number, found, position, one, choices.get(place, Choice(Use.LEFT, one.label))))
    return MailView(stored, mail, account, links, campaign)


def proposals_of(mail: Mail, account: Account, tracking: Tracking) -> dict[Place, Proposal]:
    """The proposal for each link. The shop's hosts: the account's site, or else the host with most links."""
    bases = tracking.edge, edge_url(tracking.edge, account.tracking_host)
    starts = tuple(f"{base}/c/" for base in bases)

    def is_tracked(address: str) -> bool:
        # The token too: the tracking host may have changed since.
        return address.startswith(starts) or tracking.opened(address) is not None

    def proposed(own: Collection[str]) -> dict[Place, Proposal]:
        return {
            place_of(number, link): propose(link, own, is_tracked, tracking.click_parameter)
            for number, link in mail.links()
        }

    if account.site:
        return proposed({account.site.removeprefix("www.")})
    first = proposed(())
    # A newsletter mostly links to its shop.
    hosts = Counter(
        urlsplit(one.destination).hostname or "" for one in first.values() if one.why is Why.OTHER_SITE
    )
    return proposed({hosts.most_common(1)[0][0].removeprefix("www.")}) if hosts else first


def label_of_group(group: list[MailLink]) -> str:
    """The label of links that are one link in the report.

    Labels that somebody wrote come before proposed ones. Different labels are joined, as far as they fit.
    """
    written = [one for one in group if one.choice.label != one.proposal.label]
    label = ""
    for name in dict.fromkeys(one.choice.label for one in written or group):
        longer = f"{label} · {name}" if label else name
        if len(longer) > MAX_GROUP_LABEL:
            break
        label = longer
    return label or group[0].choice.label
