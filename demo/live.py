"""The live part of the demo: clicks over HTTP, signed webhooks, and their rows in the report."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from demo.catalogue import BY_SLUG
from demo.mails import MAILINGS
from demo.past import opened
from demo.play import ThreeMonths
from demo.world import Person, Purchase, Refund
from kit.play import Player, Scene
from kit.saleor import Line
from kit.stack import Stack
from kit.story import Contact
from kit.story import Purchase as StoryPurchase

NEWEST = len(MAILINGS) - 1
"""The mailing whose links are clicked."""

_PLAYED = (
    ("token", "click_token_on_order", "teapot", 1),
    ("token", "click_token_on_order", "linen-napkins", 2),
    ("cookie", "cookie_at_pixel", "dinner-plates", 1),
    ("email", "email_match", "espresso-cups", 2),
    ("scanned", "bot_click", "breakfast-bowl", 1),
    ("none", "no_click", "tea-towels", 2),
)
"""For each order: its evidence of a click, the reason of the decision, the item and its quantity."""

_HOW = {"cookie": "pixel", "scanned": "none"}


@dataclass(frozen=True, slots=True)
class Watched:
    """An order that is placed now. `story`: the same order, as the player takes it."""

    purchase: Purchase
    story: StoryPurchase


def watched(played: ThreeMonths, now: datetime) -> list[Watched]:
    """The orders that are placed now, by people who have not clicked. Half of the second one is refunded."""
    theirs = [one for one in reversed(played.people) if not one.abroad]
    last = max(int(one.number) for one in played.season.purchases if one.currency == "EUR")
    found = []
    for number, (how, reason, slug, quantity) in enumerate(_PLAYED, 1):
        person = theirs[number] if how != "none" else Person("", f"walk.in{number}@example.org", abroad=False)
        item = BY_SLUG[slug]
        line = Line(item.name, quantity, item.euros * quantity, item.sku)
        mailing = NEWEST if how in ("token", "cookie", "email") else None
        purchase = Purchase(now, person, [line], how, reason, mailing, number=str(last + number))
        purchase.refund = Refund(now, half=True) if number == 2 else None
        contact = Contact(person.ref, person.email)
        story = StoryPurchase(
            purchase.number, contact, [line], _HOW.get(how, how), reason, link=1, refunded=purchase.refunded
        )
        found.append(Watched(purchase, story))
    return found


def play(stack: Stack, played: ThreeMonths) -> list[Purchase]:
    """Click and buy over HTTP, and let the shops count; returns the new orders. Raises WentWrong."""
    with closing(Player(stack, played.shops["EUR"], played.emp_id)) as player:
        scene = _scene(player, played)
        orders = watched(played, datetime.now(UTC))
        for one in orders:
            if one.purchase.how == "scanned":
                player.scan(scene, one.story.buyer)
        for one in orders:
            player.buy(scene, one.story)
    with opened(stack, datetime.now(UTC)) as past:
        first = min(one.at for one in played.season.purchases).date()
        past.count_in_shops(played.shop_ids.values(), first)
    return [one.purchase for one in orders]


def _scene(player: Player, played: ThreeMonths) -> Scene:
    found = player.api("GET", f"/campaigns/{played.campaigns[NEWEST].id}")
    addresses = [link["tracked_url"].partition("k=")[0] + "k={contact}" for link in found["links"]]
    sells: Sequence[bool] = [link["sale_pixel"] for link in found["links"]]
    links = [address for address, is_sold in zip(addresses, sells, strict=True) if is_sold]
    return Scene(found["id"], played.shop_ids["EUR"], links)
