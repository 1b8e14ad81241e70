"""Explains decisions in words that a shop owner understands."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from salepixel.attribution.decided import NOT_PROCESSED_YET, Decided
from salepixel.campaigns.links import Notice
from salepixel.orders.charges import read_ledger
from salepixel.orders.outcome import Outcome, Reason
from salepixel.orders.sold import refunded_whole
from salepixel.reading.times import rfc3339
from salepixel.report.lift import Group, Measured
from salepixel_plugin.languages import N_, Language

_FAILED = N_(
    "Order %(order)s could not be processed because of an error: %(error)s. The report does not show its "
    "current state. Report the error to the operator of this server. When the cause is fixed, retry the "
    "order."
)

_DECISION = {
    "click_token_on_order": N_(
        "Order %(order)s is attributed to the click of %(contact)s on %(time)s: the order itself carries "
        "the token of this click."
    ),
    "cookie_at_pixel": N_(
        "Order %(order)s is attributed to the click of %(contact)s on %(time)s: the browser that "
        "completed the order had the cookie of this click."
    ),
    "email_match": N_(
        "Order %(order)s is attributed to the click of %(contact)s on %(time)s: the buyer used this "
        "contact's e-mail address."
    ),
    "coupon_of_contact": N_(
        "Order %(order)s is attributed to the e-mail to %(contact)s: the buyer used a coupon code that "
        "only this contact received."
    ),
    "known_customer": N_(
        "Order %(order)s is attributed to the click of %(contact)s on %(time)s: the buyer is known to be "
        "this contact."
    ),
    "alias_match": N_(
        "Order %(order)s likely comes from the click of %(contact)s on %(time)s: the buyer used another "
        "address of this contact's mailbox."
    ),
    "campaign_named": N_(
        "Order %(order)s likely comes from this campaign: the order names the campaign, but no contact "
        "who clicked."
    ),
    "unpaid": N_("Order %(order)s is not paid yet. Its attribution is decided once it is paid."),
    "replacement": N_(
        "Order %(order)s replaces goods of an earlier order, so it is not a second purchase. The sale "
        "counts with the earlier order."
    ),
    "cancelled": N_("Order %(order)s was cancelled before it was paid, so there is nothing to attribute."),
    "no_click": N_(
        "No click was found for order %(order)s: the order has no click token, the pixel saw no click "
        "cookie, and no contact with the buyer's e-mail address clicked."
    ),
    "clicks_ended": N_(
        "Order %(order)s arrived after the clicks of that time were deleted because of this "
        "account's retention settings. No other evidence leads to a click."
    ),
    "invalid_token": N_(
        "Order %(order)s carries an invalid click token: it was cut off or changed on the way."
    ),
    "other_account": N_("The click found for order %(order)s belongs to another account."),
    "not_a_sales_link": N_(
        "Order %(order)s follows a click on a link that is not a sales link. To count the order, turn the"
        " sales link on."
    ),
    "click_after_order": N_("Order %(order)s was placed before the click."),
    "outside_window": N_("The click found for order %(order)s is outside its campaign's attribution window."),
    "bot_click": N_(
        "Only bot clicks were found for order %(order)s, such as those of e-mail security scanners."
    ),
    "opted_out": N_("The contact of order %(order)s opted out of tracking."),
    "other_contact": N_(
        "Order %(order)s carries the click of a contact, but the buyer's e-mail address belongs to "
        "another contact, who never clicked. They probably share a browser."
    ),
    "weak_evidence": N_(
        "A click may have led to order %(order)s, but the evidence is too weak to attribute it."
    ),
    "month_closed": N_("Order %(order)s arrived after its month was closed. Closed months do not change."),
    "pixel_only": N_(
        "Only the pixel reported order %(order)s. This account has a connected shop, so only orders that "
        "the shop confirms count."
    ),
    NOT_PROCESSED_YET: N_("Order %(order)s has arrived and is being processed. Check again in a minute."),
}

_PART_PAID = N_(
    "Order %(order)s is not fully paid yet: %(paid)s of %(total)s are paid. Its attribution is decided once "
    "it is fully paid."
)
_FORWARDED = N_(
    "The buyer has another e-mail address, so the e-mail was probably forwarded. The campaign gets the "
    "credit, not the contact."
)
_REFUNDED = N_("It was refunded in full: %(refunded)s. It adds no net revenue.")
_ERASED = N_(
    "A person named in this order was erased on %(time)s. Their data was deleted. The "
    "decision does not change."
)
_ENDED = N_(
    "Clicks before %(time)s were deleted because of this account's retention settings. So "
    "the decision no longer changes, and only refunds can change its sales."
)
_CONFLICT = N_("Other, weaker evidence points to another contact.")

_PASSED_OVER = {
    "other_account": N_("It belongs to another account."),
    "not_a_sales_link": N_("Its link is not a sales link."),
    "click_after_order": N_("It came after the order."),
    "outside_window": N_("It is outside its campaign's attribution window."),
    "bot_click": N_("This is a bot click."),
    "opted_out": N_("This contact opted out of tracking."),
    "weak_evidence": N_("The evidence for this click is too weak."),
    "other_contact": N_("It belongs to another contact, and stronger evidence identifies the buyer."),
    "earlier_click": N_("There was a later click before the order, and the last click gets the credit."),
    "weaker_evidence": N_("Another click has stronger evidence."),
    "not_by_model": N_("The attribution model gives the credit to other clicks of this contact."),
}

EVIDENCE = {
    "token": N_("Click token on the order"),
    "cookie": N_("Cookie at the pixel"),
    "coupon": N_("Personal coupon code"),
    "customer": N_("Known customer"),
    "email": N_("Same e-mail address"),
    "alias": N_("Same mailbox"),
    "campaign": N_("Campaign named in the order"),
}

STATUS = {
    "confirmed": N_("Confirmed"),
    "refunded": N_("Refunded"),
    "cancelled": N_("Cancelled"),
    "chargeback": N_("Charged back"),
    "unverified": N_("Unverified"),
}

OUTCOME = {
    "attributed": N_("Attributed"),
    "likely": N_("Likely"),
    "unattributed": N_("Not attributed"),
    "pending": N_("Pending"),
}

REASON = {
    "click_token_on_order": N_("The order carries a click token"),
    "cookie_at_pixel": N_("Click cookie in the buyer's browser"),
    "email_match": N_("E-mail address of a contact who clicked"),
    "coupon_of_contact": N_("A contact's personal coupon code"),
    "known_customer": N_("A known customer clicked"),
    "alias_match": N_("Another address of a contact's mailbox"),
    "campaign_named": N_("The order names the campaign"),
    "opted_out": N_("Opted out"),
    "other_contact": N_("Click of another contact"),
    "weak_evidence": N_("Evidence too weak"),
    "month_closed": N_("Arrived after its month was closed"),
    "unpaid": N_("Not paid yet"),
    "replacement": N_("Replacement for an earlier order"),
    "cancelled": N_("Cancelled before it was paid"),
    "no_click": N_("No click found"),
    "clicks_ended": N_("Arrived after its clicks were deleted"),
    "invalid_token": N_("Invalid click token"),
    "other_account": N_("Click of another account"),
    "not_a_sales_link": N_("Not a sales link"),
    "click_after_order": N_("Click after the order"),
    "outside_window": N_("Outside the attribution window"),
    "bot_click": N_("Bot click"),
    "pixel_only": N_("Reported only by the pixel"),
}

SIGNAL = {
    "head_request": N_("Requested only the headers (HEAD)"),
    "prefetch": N_("Prefetched before anyone clicked"),
    "unrendered_tag": N_("Merge tag not replaced: a preview or a test"),
    "no_agent": N_("Sends no browser name"),
    "known_agent": N_("Identifies itself as a program"),
    "gateway_network": N_("From a mail gateway's network, where nobody browses"),
    "fetch_missing": N_("Lacks headers that the claimed browser always sends"),
    "old_agent": N_("Claims to be a browser version that is years old"),
    "likely_gateway_network": N_("From a mail gateway's network, where few people browse"),
    "burst_of_links": N_("Many links of one e-mail within seconds"),
    "quick_links": N_("Several links of one e-mail in quick succession"),
    "soon_after_sending": N_("Seconds after sending"),
    "bought": N_("A paid order carries this click's token: human, whatever the other signals"),
}

PIXEL_PROBLEM = {
    "bad_amount": N_(
        "The amount cannot be read, or it is too large. Send a number with a decimal point, such as 39.80, "
        "in IMPORTE or amount."
    ),
    "negative_amount": N_("The amount is negative. Send what the customer paid, and no refunds."),
    "bad_quantity": N_("The quantity cannot be read. Send a number such as 2 in CANTIDAD or quantity."),
    "bad_currency": N_(
        "The currency cannot be read, or the amount names another currency. Send one code of three letters, "
        "such as EUR, in MONEDA or currency."
    ),
    "bad_text": N_("A text could not be read. Send the parameters in UTF-8, percent-encoded."),
    "repeated_parameter": N_(
        "A parameter has several values, such as two amounts. Send one pixel for each line of the order."
    ),
    "placeholder_order": N_(
        "The order number is a placeholder that the page did not fill in, such as undefined or "
        "{{order.number}}. Put your shop's variable for the order number into PEDIDO or order. Until then "
        "these hits count without an order number."
    ),
    "too_long": N_(
        "The pixel's address has more than 4,096 bytes or 40 parameters. Send only the parameters that the "
        "pixel reads."
    ),
    "bad_signature": N_(
        "The signature does not match. Sign with this account's pixel secret, over the values that you send."
    ),
    "unsigned": N_(
        "The hit is not signed, and this account accepts only signed hits. Have your server sign the pixel."
    ),
    "not_a_visit": N_(
        "A program or a prefetch requested the pixel, not a visitor. You do not need to do anything."
    ),
    "bad_time": N_("The clock of the tracking server was wrong. Ask its operator to correct it."),
    "too_many_hits": N_("One order has 500 pixel hits. Send a different order number with each order."),
}
_OTHER_PROBLEM = N_("The hit could not be used. Send the reason to the operator of this server.")


def explain_pixel_problem(reason: str, language: Language) -> str:
    """Sentences: what a problem of pixel hits means, and what to do."""
    return language.text(PIXEL_PROBLEM.get(reason, _OTHER_PROBLEM))


DELIVERED = {
    "order_created": N_("A new order"),
    "order_confirmed": N_("An order was confirmed"),
    "order_paid": N_("A payment for an order"),
    "order_fully_paid": N_("An order was paid in full"),
    "order_updated": N_("An order was changed"),
    "order_refunded": N_("A refund of an order"),
    "order_fully_refunded": N_("An order was refunded in full"),
    "order_cancelled": N_("An order was cancelled"),
    "order_expired": N_("An unpaid order expired"),
    "order_metadata_updated": N_("Details of an order were changed"),
    "order_bulk_created": N_("Orders were imported into the shop"),
    "app_installed": N_("The app was installed in the shop"),
    "app_updated": N_("The app was updated in the shop"),
    "app_status_changed": N_("The app was activated or deactivated in the shop"),
    "app_deleted": N_("The app was deleted in the shop"),
    "sales_api": N_("Orders from a program (sales API)"),
}
"""What a delivery reports, by the name of its event."""

VERDICT = {"human": N_("Human"), "bot": N_("Bot"), "unknown": N_("Possibly a bot")}

REJECTED = {
    "bad_signature": N_("The signature did not match the body: another server sent it, or changed it."),
    "unknown_installation": N_("The app is not installed in this shop any more. Install it again."),
    "shop_removed": N_("The shop was removed here. Delete the app in the shop."),
    "shop_paused": N_("The shop is paused. Its orders are fetched when it is resumed."),
    "keys_unavailable": N_("The shop's signing keys could not be loaded. The shop sends the delivery again."),
    "shop_changed": N_("The shop's connection had just changed. The shop sends the delivery again."),
    "cut_short": N_("The delivery was incomplete. The shop sends it again."),
    "busy": N_("Too many requests arrived at once. The shop sends the delivery again."),
}
"""Why deliveries of a known shop were rejected."""


NOTICE = {
    "html_decoded": N_("HTML references such as &amp; were decoded once"),
    "click_removed": N_("the parameter %(parameter)s was removed: each click adds its own"),
}


LIFT = {
    "no_holdout": N_("Not measured"),
    "not_sent": N_("Not measured yet"),
    "nobody": N_("Not measured yet"),
    "no_addresses": N_("Not measured yet"),
    "nobody_bought": N_("Nobody bought"),
    "running": N_("Still running"),
    "not_enough_data": N_("Not enough data"),
    "more": N_("The e-mail caused sales"),
    "less": N_("Fewer buyers"),
}

_NO_DIFFERENCE = N_("No difference: %(mailed)s bought in each group.")
_OPTED_OUT_SINCE = N_(
    "Not counted: %(mailed)s people in the e-mail group and %(held_out)s in the control group who have "
    "opted out since. An e-mail prompts people to opt out, and these people seldom buy, so the true lift "
    "may be lower."
)
_LIFT = {
    "no_holdout": N_("This campaign has no control group, so its lift cannot be measured."),
    "not_sent": N_(
        "The sending time of this campaign is unknown, so orders after it cannot be counted. "
        "Enter it on the tab Recipients."
    ),
    "nobody": N_(
        "One of the two groups is still empty. Upload the list of recipients on the tab Recipients."
    ),
    "no_addresses": N_(
        "No e-mail address is known in one of the two groups, so its orders cannot be found. "
        "Upload a list with e-mail addresses on the tab Recipients."
    ),
    "nobody_bought": N_("Nobody in either group bought, so the effect of the e-mail cannot be measured."),
    "running": N_(
        "Still running: orders until %(until)s count. So far %(mailed)s of the e-mail group and "
        "%(held_out)s of the control group bought."
    ),
    "not_enough_data": N_(
        "Not enough data: %(mailed)s of the e-mail group and %(held_out)s of the control group "
        "bought. The difference may be due to chance. About %(needed)s people in total are "
        "needed to detect such a difference."
    ),
    "more": N_(
        "The e-mail caused sales: %(mailed)s of the e-mail group and %(held_out)s of the control group "
        "bought. That is about %(extra)s more buyers than without the e-mail, between %(low)s and "
        "%(high)s."
    ),
    "less": N_(
        "Fewer people bought with the e-mail than without it: %(mailed)s of the e-mail group and "
        "%(held_out)s of the control group."
    ),
}


def lift_as_json(measured: Measured) -> dict[str, Any]:
    """The lift as JSON, without its explanation."""
    mailed, found = measured.mailed, measured.found
    return {
        "state": measured.state,
        "since": measured.since and rfc3339(measured.since),
        "until": measured.until and rfc3339(measured.until),
        "mailed": mailed and _group_as_json(mailed),
        "held_out": measured.held_out and _group_as_json(measured.held_out),
        "difference": found and round(found.difference, 6),
        "low": found and round(found.low, 6),
        "high": found and round(found.high, 6),
        "extra_buyers": found and mailed and round(found.difference * mailed.people, 1),
        "extra_low": found and mailed and round(found.low * mailed.people, 1),
        "extra_high": found and mailed and round(found.high * mailed.people, 1),
        "needed": found and found.needed,
        "contaminated": measured.contaminated,
    }


def _group_as_json(group: Group) -> dict[str, Any]:
    net = [{"currency": code, "amount": f"{amount:f}"} for code, amount in sorted(group.net.items())]
    return {
        "people": group.people,
        "without_address": group.without_address,
        "opted_out": group.opted_out,
        "buyers": group.buyers,
        "rate": round(group.arm.rate, 6),
        "orders": group.orders,
        "net": net,
    }


def explain_lift(lift: Mapping[str, Any], language: Language) -> str:
    """Sentences about the lift of a campaign. `lift`: from `lift_as_json`."""
    words = {
        "until": language.time(datetime.fromisoformat(lift["until"])) if lift["until"] else "",
        "mailed": language.rate(lift["mailed"]["rate"]) if lift["mailed"] else "",
        "held_out": language.rate(lift["held_out"]["rate"]) if lift["held_out"] else "",
        "needed": language.number(lift["needed"]) if lift["needed"] else "",
    }
    for word, name in (("extra", "extra_buyers"), ("low", "extra_low"), ("high", "extra_high")):
        words[word] = language.number(round(lift[name])) if lift[name] is not None else ""
    is_equal = lift["state"] == "not_enough_data" and not lift["needed"]
    sentence = language.text(_NO_DIFFERENCE if is_equal else _LIFT[lift["state"]], **words)
    opted_out = {name: lift[name]["opted_out"] if lift[name] else 0 for name in ("mailed", "held_out")}
    if not any(opted_out.values()):
        return sentence
    counts = {name: language.number(count) for name, count in opted_out.items()}
    return f"{sentence} {language.text(_OPTED_OUT_SINCE, **counts)}"


def explain_refund(refunded: Decimal, currency: str, language: Language) -> str:
    """A sentence: the order was refunded in full, and how much was refunded."""
    return language.text(_REFUNDED, refunded=language.money(refunded, currency))


def explain(
    decision: Mapping[str, Any], order: str, language: Language, part_paid: tuple[str, str] | None = None
) -> str:
    """Sentences about a decision. `part_paid`: the paid amount and the total of the order, as text."""
    if decision["reason"] == "unpaid" and part_paid:
        return language.text(_PART_PAID, order=order, paid=part_paid[0], total=part_paid[1])
    winner = next((item for item in decision["candidates"] if item["credited"]), None)
    words = {"order": order, "contact": "", "time": ""}
    if winner:
        unnamed = N_("a contact") if decision.get("contacts_hidden") else N_("an unknown contact")
        words["contact"] = winner["contact"] or language.text(unnamed)
        if winner["clicked_at"]:
            words["time"] = language.time(datetime.fromisoformat(winner["clicked_at"]))
    sentences = [language.text(_DECISION[decision["reason"]], **words)]
    if (decision.get("credited") or {}).get("forwarded"):
        sentences.append(language.text(_FORWARDED))
    if decision.get("credited") and decision.get("conflicting"):
        sentences.append(language.text(_CONFLICT))
    return " ".join(sentences)


def explain_notice(notice: Notice, click_parameter: str, language: Language) -> str:
    """A clause: how a link's destination was corrected. No capital letter, no full stop."""
    return language.text(NOTICE[notice], parameter=click_parameter)


def explain_failure(order: str, error: str, language: Language) -> str:
    """Sentences: why an order could not be processed, and what to do."""
    return language.text(_FAILED, order=order, error=error)


def explain_candidate(candidate: Mapping[str, Any], language: Language) -> str:
    """A sentence: the click gets the credit, or why not."""
    if candidate["credited"]:
        return language.text(N_("This click gets the credit."))
    why = candidate["passed_over"]
    return language.text(_PASSED_OVER[why] if why else N_("This click qualifies for the credit."))


def explain_decided(decided: Decided, language: Language) -> str:
    """Sentences about an order's decision.

    They also mention a partial payment, a full refund, an erasure and deleted clicks, if any.
    """
    order = decided.stored.order
    sentences = [_explain_decision_and_payment(decided, language)]
    if order.erased_at:
        sentences.append(language.text(_ERASED, time=language.time(order.erased_at)))
    is_final = decided.decision["outcome"] != Outcome.PENDING
    if decided.clicks_ended_before and is_final and decided.decision["reason"] != Reason.CLICKS_ENDED:
        sentences.append(language.text(_ENDED, time=language.time(decided.clicks_ended_before)))
    return " ".join(sentences)


def _explain_decision_and_payment(decided: Decided, language: Language) -> str:
    order = decided.stored.order
    ledger = read_ledger(order, decided.history)
    part_paid = ledger.part_paid
    if ledger.paid or not part_paid:
        sentence = explain(decided.decision, order.number, language)
        refunded = refunded_whole(order, decided.history)
        if refunded is None:
            return sentence
        return f"{sentence} {explain_refund(refunded, order.currency, language)}"
    part = language.money(part_paid, order.currency), language.money(order.total, order.currency)
    return explain(decided.decision, order.number, language, part_paid=part)
