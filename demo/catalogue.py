"""What the shop of the demo sells, and how often: tableware and kitchen linen, in euros and in dollars."""

from dataclasses import dataclass
from decimal import Decimal

SITE = "shop.test"


@dataclass(frozen=True, slots=True)
class Item:
    """A product with its price in each currency, and how often it is bought."""

    slug: str
    name: str
    sku: str
    euros: Decimal
    dollars: Decimal
    weight: int

    @property
    def url(self) -> str:
        """The address of its page."""
        return f"https://{SITE}/p/{self.slug}"

    def price(self, currency: str) -> Decimal:
        """What one costs."""
        return self.euros if currency == "EUR" else self.dollars


def _item(slug: str, name: str, sku: str, euros: str, dollars: str, weight: int) -> Item:
    return Item(slug, name, sku, Decimal(euros), Decimal(dollars), weight)


ITEMS = (
    _item("breakfast-bowl", "Breakfast bowl, speckled", "BOWL-SP", "24.00", "28.00", 9),
    _item("espresso-cups", "Espresso cups, set of 4", "CUP-E4", "38.00", "44.00", 7),
    _item("dinner-plates", "Dinner plates, set of 4", "PLATE-4", "79.00", "92.00", 4),
    _item("teapot", "Teapot, 1 litre", "POT-1L", "64.00", "74.00", 3),
    _item("serving-dish", "Serving dish, oval", "DISH-OV", "52.00", "60.00", 3),
    _item("linen-napkins", "Linen napkins, set of 6", "NAP-6", "42.00", "48.00", 6),
    _item("linen-apron", "Linen apron", "APRON", "46.00", "54.00", 4),
    _item("tea-towels", "Tea towels, pair", "TOWEL-2", "18.50", "21.50", 8),
    _item("vase", "Bud vase", "VASE-B", "29.00", "34.00", 5),
)
BY_SLUG = {item.slug: item for item in ITEMS}
