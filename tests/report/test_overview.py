"""The overview of a campaign and of an account reads kept sums; on both databases."""

from decimal import Decimal

import sqlalchemy as sa

from salepixel.accounts.store import get_account
from salepixel.campaigns.store import get_campaign
from salepixel.clicks.tokens import ClickSealer, Signal
from salepixel.report.figures import Audience
from salepixel.report.overview import Best, overview_of_account, overview_of_campaign
from salepixel.report.periods import EVER, Against, Comparison, Range
from salepixel.storage.database import Database
from salepixel.storage.schema import campaigns
from tests.make import CAMPAIGN, NOON, click_at, order
from tests.sums.test_sales import CLICKS, DAY, WINTER, shop
from tests.worker.world import HOUR, World

TODAY = NOON.date()


def fill(database: Database, sealer: ClickSealer) -> World:
    """Ana bought on two days and got a refund; a bot clicked; the campaign was sent two hours before."""
    world = shop(database, sealer, model="last")
    for click in CLICKS:
        world.click(click)
    world.click(click_at(NOON - HOUR / 2, "scanner", serial=77), Signal.HEAD)
    for number, days in ((1, 0), (2, 1)):
        placed = NOON + days * DAY
        world.order(
            order(
                id=f"O{number}",
                number=f"{number}",
                placed_at=placed,
                updated_at=placed,
                refunded=Decimal("9.80") if days else Decimal(0),
                click_token=sealer.seal(CLICKS[0]),
            )
        )
    world.reconcile()
    with database.write() as connection:
        for campaign in (CAMPAIGN, WINTER):
            sent = {"sent_at": NOON - 2 * HOUR, "sent_count": 50 if campaign == CAMPAIGN else None}
            connection.execute(sa.update(campaigns).where(campaigns.c.id == campaign).values(sent))
    return world


def test_a_campaign_over_all_days_and_over_one_compared_with_the_day_before(
    database: Database, sealer: ClickSealer
) -> None:
    fill(database, sealer)
    with database.read() as connection:
        campaign = get_campaign(connection, CAMPAIGN)
        assert campaign is not None
        found = overview_of_campaign(connection, campaign, EVER, None, None)
        assert (found.now.first, found.now.last) == (TODAY, TODAY + DAY)
        total = found.now.total("EUR")
        assert total.orders == 2
        assert total.refunded == Decimal("9.80")
        assert found.now.clicks == {TODAY: (3, 1)}
        assert found.now.audience == Audience(1, 50, 2, 1, {"EUR": total.net})
        # Sent at 10:00; clicks at 8:00, 10:00 (bo), 11:00 (ana) and 11:30 (the bot).
        assert found.hours[:3] == [(1, 0), (1, 1), (0, 0)]
        assert len(found.hours) == 48
        assert {n: count for n, count in enumerate(found.delays) if count} == {3: 1, 7: 1}
        assert [one.name for one in found.links["EUR"]] == ["Hero"]
        assert sum(one.sold.net for one in found.items["EUR"]) == total.net
        day = Range(TODAY + DAY, TODAY + DAY)
        before = Comparison(Against.BEFORE, Range(TODAY, TODAY))
        found = overview_of_campaign(connection, campaign, day, before, None)
        assert found.now.total("EUR").orders == 1
        assert found.now.clicks == {}
        assert found.before is not None
        assert found.before.total("EUR").orders == 1
        assert found.before.total("EUR").refunded == 0
        assert found.now.audience.sent == 50, "people are those of the whole campaign"
        assert found.before.audience == Audience(), "so they are not compared with themselves"


def test_an_account_has_the_orders_of_all_its_campaigns(database: Database, sealer: ClickSealer) -> None:
    world = fill(database, sealer)
    for number, changes in (("N", {}), ("P", {"paid": False}), ("R", {"replaces": "O1"})):
        world.order(order(id=number, number=number, **changes))
    world.order(order(id="W", number="W", currency="USD", click_token=sealer.seal(CLICKS[4])))
    world.reconcile()
    with database.read() as connection:
        account = get_account(connection, 1)
        assert account is not None
        found = overview_of_account(connection, account, Range(TODAY, TODAY + DAY), None)
        assert found.now.currencies == ["EUR", "USD"]
        assert found.now.clicks == {TODAY: (5, 1)}
        assert found.now.audience.campaigns == 1
        assert found.now.audience.unknown == 1, "it is not known how many e-mails of Winter were sent"
        euros, dollars = found.now.shop["EUR"], found.now.shop["USD"]
        counts = [(one.all.orders, one.earned.orders) for one in (euros, dollars)]
        assert counts == [(3, 2), (1, 1)]
        assert euros.earned == found.now.total("EUR")
        assert euros.all.net == Decimal("169.60"), "not of those unpaid or replaced"
        assert [one.id for one in found.campaigns["USD"]] == [WINTER]
        assert found.campaigns["EUR"] == [
            Best(CAMPAIGN, found.campaigns["EUR"][0].name, found.now.total("EUR"))
        ]
        nothing = overview_of_account(connection, account, Range(TODAY - 9 * DAY, TODAY - 8 * DAY), None)
        assert (nothing.now.sold, nothing.now.clicks, nothing.now.audience) == ({}, {}, Audience())
