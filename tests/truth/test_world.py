"""The same seed gives the same world, and its truth is what an observer would report."""

from truth.browsers import BROWSERS
from truth.world import CAMPAIGNS, LINKS, WINDOW_HOURS, Click, Order, make_world

WORLD = make_world(3, 600)


def test_the_same_seed_gives_the_same_world() -> None:
    assert make_world(3, 600) == WORLD
    assert make_world(4, 600) != WORLD


def test_the_shares_of_browsers_add_up_to_one() -> None:
    assert abs(sum(browser.share for browser in BROWSERS) - 1) < 1e-9
    assert {person.browser for person in WORLD.people} == set(BROWSERS)


def test_orders_come_after_all_clicks_of_their_household() -> None:
    """Clicks are sent at full speed, so only orders may have their own date."""
    for home in WORLD.homes:
        kinds = [type(event) for event in home.happens if not getattr(event, "scanner", False)]
        assert kinds == sorted(kinds, key=lambda kind: kind is Order)


def test_the_truth_is_the_buyers_last_sales_click_within_the_window() -> None:
    clicks = {
        person.ref: [event for event in home.happens if isinstance(event, Click) and event.who == person.ref]
        for home in WORLD.homes
        for person in home.people
    }
    earned = [order for order in WORLD.orders if order.truth.click]
    assert len(earned) > 100
    for order in earned:
        click = order.truth.click
        assert click is not None
        assert click.who == order.who
        assert click.sells
        assert 0 < order.at - click.at <= WINDOW_HOURS
        later = [one for one in clicks.get(order.who, []) if one.sells and one.at > click.at]
        assert later == []
        assert order.truth.campaign == click.campaign
        assert order.truth.contact == (click.contact if click.contact == order.who else None)
        assert order.paid


def test_an_opted_out_contact_has_no_truth_to_find() -> None:
    people = {person.ref: person for person in WORLD.people}
    theirs = [order for order in WORLD.orders if order.who in people]
    refused = [order for order in theirs if not people[order.who].consent]
    private = [order for order in theirs if people[order.who].privacy and not order.code]
    assert refused
    assert private
    assert all(order.truth.campaign is None for order in [*refused, *private])


def test_every_modelled_case_occurs() -> None:
    orders, people = WORLD.orders, WORLD.people
    scans = [event for home in WORLD.homes for event in home.happens if isinstance(event, Click)]
    assert {click.campaign for click in scans} == set(range(CAMPAIGNS))
    assert {click.link for click in scans} == set(range(LINKS))
    assert any(len(home.people) == 2 for home in WORLD.homes)
    assert {person.scanner for person in people} == {"", "head", "agent", "burst", "quiet"}
    for happens in (
        any(order.who.startswith("friend of") for order in orders),
        any(order.truth.click and not order.on_same_device for order in orders),
        any(order.code for order in orders),
        any(order.refunded for order in orders),
        any(not order.paid for order in orders),
        any(order.last and order.at - order.last.at > WINDOW_HOURS for order in orders),
        any("+shop@" in order.email for order in orders),
        any(order.email.startswith("other-") for order in orders),
        any(not order.passes_token for order in orders),
    ):
        assert happens
