"""A story: the recipients of an e-mail, their clicks and orders, and so the expected report."""

import random
from dataclasses import dataclass
from decimal import Decimal

from kit.saleor import Line

CONTACTS = 300
LINKS = [
    ("https://shop.test/p/red-shoes", "Red shoes", True),
    ("https://shop.test/p/boots?colour=brown", "Boots", True),
    ("https://shop.test/sale#women", "Sale", True),
    ("https://shop.test/p/laces", "Laces", True),
    ("https://shop.test/about", "About us", False),
]
CATALOGUE = [
    ("Red shoes", "R-1", Decimal("39.80")),
    ("Brown boots", "B-7", Decimal("89.90")),
    ("Laces", "L-2", Decimal("4.50")),
    ("Shoe polish", None, Decimal("7.25")),
]


@dataclass(frozen=True, slots=True)
class Contact:
    """A recipient of the e-mail."""

    ref: str
    email: str


@dataclass(slots=True)
class Purchase:
    """An order and the truth about it.

    `how`: the link between order and click: token (on the order), pixel (the cookie on the thank-you page),
    email (another device), none. `truth`: the expected evidence, or the reason why the order is not
    attributed.
    """

    number: str
    buyer: Contact
    lines: list[Line]
    how: str
    truth: str
    link: int = 0
    paid: bool = True
    refunded: Decimal = Decimal(0)

    @property
    def is_credited(self) -> bool:
        """True if the order belongs to a click."""
        return self.truth in ("token", "cookie", "email")


@dataclass(frozen=True, slots=True)
class Story:
    """The contacts, scans and purchases of the demo."""

    contacts: list[Contact]
    scanned: list[Contact]
    purchases: list[Purchase]

    def expected_rows(self) -> list[tuple[str, ...]]:
        """The expected rows of the SALES table: order, contact, item, quantity, amount, refund, evidence."""
        rows = []
        for purchase in self.purchases:
            total = sum((line.amount for line in purchase.lines), Decimal(0))
            for line in purchase.lines if purchase.is_credited else []:
                # Refunds in the story are of all or half of an order, so that each line's part is simple.
                refunded = line.amount * purchase.refunded / total
                rows.append(
                    (
                        purchase.number,
                        purchase.buyer.ref,
                        line.item,
                        str(line.quantity),
                        f"{line.amount:.2f}",
                        f"{refunded:.2f}",
                        purchase.truth,
                    )
                )
        return sorted(rows)


def make_story(seed: int = 7) -> Story:
    """The story, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  # a story, no secret
    contacts = [Contact(f"c{n:03}", f"person{n}@example.com") for n in range(1, CONTACTS + 1)]
    people = contacts.copy()
    chance.shuffle(people)
    purchases: list[Purchase] = []

    def buy(how: str, truth: str, count: int, buyers: list[Contact] | None = None) -> list[Purchase]:
        new: list[Purchase] = []
        for _ in range(count):
            buyer = (buyers or people).pop()
            goods = chance.sample(CATALOGUE, chance.randint(1, 3))
            lines = []
            for item, sku, price in goods:
                quantity = 2 * chance.randint(1, 2)  # even, so that half of an amount is whole cents
                lines.append(Line(item, quantity, price * quantity, sku))
            number = str(1001 + len(purchases) + len(new))
            new.append(Purchase(number, buyer, lines, how, truth, link=chance.randrange(4)))
        purchases.extend(new)
        return new

    at_home = buy("token", "token", 40)
    for purchase, share in zip(at_home, (1, 2, 2), strict=False):
        purchase.refunded = sum((line.amount for line in purchase.lines), Decimal(0)) / share
    buy("pixel", "cookie", 8)
    buy("email", "email", 12)
    for purchase in buy("token", "not_a_sales_link", 2):
        purchase.link = 4
    for purchase in buy("token", "unpaid", 2):
        purchase.paid = False
    buy("forged", "invalid_token", 1)
    scanned = [people.pop() for _ in range(60)]
    buy("none", "bot_click", 4, scanned.copy())
    strangers = [Contact("", f"stranger{n}@example.org") for n in range(6)]
    buy("none", "no_click", 6, strangers)
    return Story(contacts, scanned, purchases)
