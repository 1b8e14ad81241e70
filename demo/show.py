"""Prints what the demo played: the campaigns, the SALES table of the newest one, and where to look first."""

from typing import Any

from demo.compare import Api
from demo.live import NEWEST
from demo.mails import FLOW_MAILS, MAILINGS
from demo.play import ThreeMonths

SHOWN_ROWS = 12
GIFTS = next(number for number, mailing in enumerate(MAILINGS) if mailing.holdout)
"""The mailing with a control group."""


def print_campaigns(api: Api, played: ThreeMonths) -> None:
    """Print the totals of each campaign; amounts of different currencies are not added up."""
    layout = "{:<42} {:>7} {:>12} {:>12}  {}"
    print("\nCAMPAIGNS")
    print(layout.format("NAME", "ORDERS", "REFUNDED", "NET", ""))
    names = [*(mailing.name for mailing in MAILINGS), *(f"Flow: {name}" for name, _, _ in FLOW_MAILS)]
    for name, campaign in zip(names, played.campaigns, strict=True):
        for total in _report(api, campaign.id)["totals_by_refund_date"]:
            amounts = total["refunded"], total["net"], total["currency"]
            print(layout.format(name, total["orders"], *amounts))
            name = ""  # only in its first line


def print_sales(api: Api, played: ThreeMonths) -> None:
    """Print the newest rows of the SALES table of the newest campaign."""
    report = _report(api, played.campaigns[NEWEST].id)
    layout = "{:<8} {:<26} {:>4} {:>9} {:>9} {:<3}  {:<19}  {:<8}  {}"
    print(f"\nSALES of “{MAILINGS[NEWEST].name}”")
    head = "CONTACT", "ITEM", "QTY", "AMOUNT", "REFUNDED", "", "DATE", "EVIDENCE", "STATUS"
    print(layout.format(*head))
    for row in report["rows"][:SHOWN_ROWS]:
        date = row["purchased_at"][:19].replace("T", " ")
        amounts = row["quantity"], row["amount"], row["refunded"], row["currency"]
        evidence = row["evidence"], row["status"]
        print(layout.format(row["contact"] or "", row["item"], *amounts, date, *evidence))
    if len(report["rows"]) > SHOWN_ROWS:
        print(f"... and {len(report['rows']) - SHOWN_ROWS} more")


def print_reasons(api: Api, played: ThreeMonths, numbers: list[str]) -> None:
    """Print why these orders of the shop in euros are attributed, or not."""
    print("\nThe orders that were placed just now:")
    for number in numbers:
        found = api("GET", f"/orders/{played.shop_ids['EUR']}/{number}/decision")
        print(f"  {found['explanation']}")


def where_to_look(plugin_url: str, played: ThreeMonths, number: str) -> list[tuple[str, str]]:
    """Five pages to open, each with what it shows. `number`: of an order of the shop in euros to explain."""
    gifts = f"{plugin_url}/campaigns/{played.campaigns[GIFTS].id}"
    account = f"{plugin_url}/accounts/{played.emp_id}"
    return [
        (f"{account}?period=90d&compare=none", "what e-mail earned, day by day"),
        (f"{gifts}/map", "the newsletter, with clicks and revenue of each link"),
        (f"{gifts}/lift", "what an e-mail caused, by its control group"),
        (f"{plugin_url}/orders/{played.shop_ids['EUR']}/{number}", "why an order is attributed"),
        (f"{account}/orders", "all orders, also those that no e-mail earned"),
    ]


def print_where_to_look(plugin_url: str, api_key: str, played: ThreeMonths, number: str) -> None:
    """Print how to sign in, and where to look first."""
    print(f"\nReport:  {plugin_url}/accounts/{played.emp_id}")
    print(f"Sign in with the key {api_key}")
    print("Look first at")
    pages = where_to_look(plugin_url, played, number)
    widest = max(len(address) for address, _ in pages)
    for address, what in pages:
        print(f"  {address:{widest}}  {what}")


def _report(api: Api, campaign: str) -> dict[str, Any]:
    found: dict[str, Any] = api("GET", f"/campaigns/{campaign}/sales?limit=1000")
    return found
