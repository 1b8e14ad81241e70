"""From the account's own settings to its first sale: account, campaign, click, order with evidence."""

from salepixel.checks.result import Result, State

ACCOUNT, CAMPAIGN, CLICK, SALE = "account", "campaign", "click", "sale"


def check_account(name: str, site: str) -> Result:
    """Whether the account has the host name of its shop's site."""
    if not site:
        return Result(ACCOUNT, State.WAITING, "site_missing")
    return Result(ACCOUNT, State.DONE, "account_ready", {"name": name, "site": site})


def check_campaign(campaigns: int, drafts: int) -> Result:
    """Whether the account has a campaign, or a draft of one."""
    if campaigns:
        return Result(CAMPAIGN, State.DONE, "campaign_made")
    if drafts:
        return Result(CAMPAIGN, State.WAITING, "campaign_draft", {"number": drafts})
    return Result(CAMPAIGN, State.WAITING, "campaign_missing")


def check_click(human: int, bot: int) -> Result:
    """Whether a person clicked. `human`: clicks without the verdict bot."""
    if human:
        return Result(CLICK, State.DONE, "click_counted", {"number": human})
    if bot:
        return Result(CLICK, State.WAITING, "click_by_bots", {"number": bot})
    return Result(CLICK, State.WAITING, "click_missing")


def check_sale(orders: int, credited: int) -> Result:
    """Whether an order has evidence of a click. `orders`: all decided ones; `credited`: those with it."""
    if credited:
        return Result(SALE, State.DONE, "sale_attributed", {"number": credited})
    if orders:
        return Result(SALE, State.WAITING, "sale_without_evidence", {"number": orders})
    return Result(SALE, State.WAITING, "sale_missing")
