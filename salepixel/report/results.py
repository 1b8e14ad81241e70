"""What the use cases of the report return."""

from dataclasses import dataclass
from datetime import date

from salepixel.accounts.store import Account
from salepixel.attribution.sale_store import StoredSale
from salepixel.campaigns.store import Campaign
from salepixel.clicks.losses import Loss
from salepixel.flows.store import Flow
from salepixel.report.activity import ClickCounts
from salepixel.report.coverage import DayCoverage, PixelProblem, Seen
from salepixel.report.health import ShopHealth
from salepixel.report.orders import OrderPage
from salepixel.report.sales import Place
from salepixel.report.totals import ConvertedTotal, Total, add_up
from salepixel.shops.shop import Shop


@dataclass(frozen=True)
class Sums:
    """The sums of a campaign over a period."""

    sold: list[Total]
    by_refund_date: list[Total]
    converted: ConvertedTotal


@dataclass(frozen=True)
class SalesReport:
    """Sales of a campaign and their sums. `losses` since it was created; `labels` of its links, by id.

    `search_on`: the cursor from which a search of many sales continues; None: all were searched, or the page
    is full.
    """

    campaign: Campaign
    rows: list[StoredSale]
    sums: Sums
    losses: list[Loss]
    labels: dict[str, str]
    search_on: Place | None = None


@dataclass(frozen=True)
class Overview:
    """The results of a campaign. `verdicts`: reason -> clicks; `evidence`: type -> orders.

    `reasons`: why orders of the account were not attributed, with their numbers.
    """

    campaign: Campaign
    sums: Sums
    verdicts: dict[str, int]
    evidence: dict[str, int]
    losses: list[Loss]
    reasons: list[tuple[str, int]]


@dataclass(frozen=True)
class PartReport:
    """The numbers of an e-mail of a flow."""

    campaign: Campaign
    clicks: ClickCounts
    sold: list[Total]


@dataclass(frozen=True)
class FlowReport:
    """The numbers of each e-mail of a flow, and their sums."""

    flow: Flow
    parts: list[PartReport]

    @property
    def human(self) -> int:
        """The human clicks of all parts."""
        return sum(part.clicks.human for part in self.parts)

    @property
    def bot(self) -> int:
        """The bot clicks of all parts."""
        return sum(part.clicks.bot for part in self.parts)

    @property
    def sold(self) -> list[Total]:
        """The sales of all parts per currency. An order that several parts share counts in each of them."""
        return add_up(part.sold for part in self.parts)


@dataclass(frozen=True)
class OrdersReport:
    """A page of an account's orders.

    `reasons`: the orders of all time by outcome and reason. `campaigns`: names by id, newest first: of the
    orders shown and of the newest campaigns. `contacts_hidden`: the principal may not see contacts.
    `currencies`: of all orders, sorted.
    """

    account: Account
    page: OrderPage
    shops: list[Shop]
    campaigns: dict[str, str]
    reasons: dict[tuple[str, str], int]
    contacts_hidden: bool
    currencies: list[str]


@dataclass(frozen=True)
class Coverage:
    """The tracking health of an account over some days, and the health of its shops."""

    account: Account
    first: date
    last: date
    days: list[DayCoverage]
    by_payment: list[Seen]
    by_browser: list[Seen]
    pixel_problems: list[PixelProblem]
    shops: list[ShopHealth]
