"""Decisions in words that a shop owner understands."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from salepixel.campaigns.links import Notice
from salepixel_plugin.languages import N_, Language

NOT_YET = "not_reconciled_yet"
"""The reason of an order that has arrived and not been looked at; takes seconds, a minute at most."""

FAILED = "cannot_be_decided"
"""The reason of an order whose last attempt failed: judging it, or reading it, would fail again."""

_FAILED = N_(
    "Order %(order)s cannot be decided, because of an error: %(error)s. So the report does not have it as it "
    "is now. Report the error to the operator of this server. When its cause is corrected, try the order "
    "again on the page of orders that could not be decided."
)

_DECIDED = {
    "click_token_on_order": N_(
        "Order %(order)s was earned by the click of %(contact)s on %(time)s: "
        "the order itself carries the token of this click."
    ),
    "cookie_at_pixel": N_(
        "Order %(order)s was earned by the click of %(contact)s on %(time)s: "
        "the browser that finished the order had the cookie of this click."
    ),
    "email_match": N_(
        "Order %(order)s was probably earned by the click of %(contact)s on %(time)s: "
        "it was bought with the e-mail address of this contact."
    ),
    "coupon_of_contact": N_(
        "Order %(order)s was earned by the e-mail to %(contact)s: it was bought with a code that only this "
        "contact got."
    ),
    "known_customer": N_(
        "Order %(order)s was earned by the click of %(contact)s on %(time)s: "
        "the buyer is known to be this contact."
    ),
    "alias_match": N_(
        "Order %(order)s was probably earned by the click of %(contact)s on %(time)s: "
        "it was bought with another address of this contact's mailbox."
    ),
    "campaign_named": N_(
        "Order %(order)s was probably earned by this campaign: the order names it, but nobody who clicked."
    ),
    "unpaid": N_("Order %(order)s is not paid yet. It will be decided when it is."),
    "replacement": N_(
        "Order %(order)s replaces goods of an earlier order, so it is no second purchase: "
        "what was bought counts with that order."
    ),
    "cancelled": N_("Order %(order)s was cancelled before it was paid, so there is nothing to credit."),
    "no_click": N_(
        "No click leads to order %(order)s: it carries no click token, no pixel saw it with a click's "
        "cookie, and no contact with its e-mail address clicked."
    ),
    "invalid_token": N_(
        "Order %(order)s carries a click token, but none that we made: it was cut or changed on its way."
    ),
    "other_account": N_("The click that leads to order %(order)s belongs to another account."),
    "not_a_sales_link": N_(
        "A click leads to order %(order)s, but its link may not earn sales. Switch the link on to count it."
    ),
    "click_after_order": N_("Order %(order)s was placed before the click that leads to it."),
    "outside_window": N_(
        "The click that leads to order %(order)s is older than its campaign's window for crediting sales."
    ),
    "machine_click": N_(
        "Only clicks of machines lead to order %(order)s, such as those of scanners that check e-mails."
    ),
    "refused_consent": N_("What leads to order %(order)s is of a contact who does not want to be followed."),
    "other_contact": N_(
        "Order %(order)s has the click of a contact with it, but the e-mail address of another contact, "
        "of whom no click leads to it: they probably share a browser."
    ),
    "weak_evidence": N_(
        "A click may have led to order %(order)s, but the evidence is too weak to credit it."
    ),
    "month_closed": N_(
        "Order %(order)s came in after its month was closed, and closed months do not change any more."
    ),
    "pixel_is_no_proof": N_(
        "Of order %(order)s the pixel told, and the account has a connected shop: "
        "only what the shop itself tells makes money."
    ),
    NOT_YET: N_("Order %(order)s has arrived and is being looked at. Come back in a minute."),
}

_PART_PAID = N_(
    "Order %(order)s is not paid in full yet: %(paid)s of %(total)s are paid. "
    "It will be decided when the rest is."
)
_FORWARDED = N_(
    "Somebody with another e-mail address bought, so the e-mail was probably forwarded: "
    "the campaign is credited, and no contact."
)
_REFUNDED = N_("It was refunded in full: %(refunded)s. Nothing of it counts as net sales.")
_CONFLICT = N_("Other, weaker evidence speaks for another contact.")

_PASSED_OVER = {
    "other_account": N_("It belongs to another account."),
    "not_a_sales_link": N_("Its link may not earn sales."),
    "click_after_order": N_("It came after the order."),
    "outside_window": N_("It is older than its campaign's window for crediting sales."),
    "machine_click": N_("A machine clicked, not a person."),
    "refused_consent": N_("This contact does not want to be followed."),
    "weak_evidence": N_("The evidence is too weak to credit it."),
    "other_contact": N_("It is another contact's, and stronger evidence names who bought."),
    "earlier_click": N_("A later click came before the order, and the last one earns it."),
    "weaker_evidence": N_("Another click has stronger evidence."),
    "not_by_model": N_("The account's model gives the order to other clicks of this contact."),
}

EVIDENCE = {
    "token": N_("Click token on the order"),
    "cookie": N_("Cookie at the pixel"),
    "coupon": N_("Code of one contact"),
    "customer": N_("Known customer"),
    "email": N_("Same e-mail address"),
    "alias": N_("Same mailbox"),
    "campaign": N_("Campaign named by the order"),
}

STATUS = {
    "confirmed": N_("Confirmed"),
    "refunded": N_("Refunded"),
    "cancelled": N_("Cancelled"),
    "chargeback": N_("Charged back"),
    "unverified": N_("Unverified"),
}

OUTCOME = {
    "attributed": N_("Earned by an e-mail"),
    "likely": N_("Probably earned by an e-mail"),
    "unattributed": N_("Not earned by an e-mail"),
    "pending": N_("Not decided yet"),
}

REASON = {
    "click_token_on_order": N_("The order carries a click's token"),
    "cookie_at_pixel": N_("The buyer's browser had a click's cookie"),
    "email_match": N_("Bought with the e-mail address of a contact who clicked"),
    "coupon_of_contact": N_("Bought with a contact's own code"),
    "known_customer": N_("A known customer who clicked"),
    "alias_match": N_("Bought with another address of a contact's mailbox"),
    "campaign_named": N_("The order names the campaign"),
    "refused_consent": N_("The contact does not want to be followed"),
    "other_contact": N_("The click is another contact's"),
    "weak_evidence": N_("The evidence is too weak"),
    "month_closed": N_("Came after its month was closed"),
    "unpaid": N_("Not paid yet"),
    "replacement": N_("Replaces goods of an earlier order"),
    "cancelled": N_("Cancelled before it was paid"),
    "no_click": N_("No click leads to it"),
    "invalid_token": N_("Its click token is not one that we made"),
    "other_account": N_("Its click belongs to another account"),
    "not_a_sales_link": N_("The link may not earn sales"),
    "click_after_order": N_("The click came after the order"),
    "outside_window": N_("The click is too old"),
    "machine_click": N_("Only machines clicked"),
    "pixel_is_no_proof": N_("Known from the pixel alone"),
}


SIGN = {
    "head_request": N_("Only asked whether the page is there (HEAD)"),
    "prefetch": N_("Fetched in advance, before anybody asked"),
    "unrendered_tag": N_("The mailer's tag was not filled in: a preview or a test"),
    "no_agent": N_("Does not say which browser it is"),
    "known_agent": N_("Says that it is a program"),
    "gateway_network": N_("From a mail gateway, where nobody browses"),
    "fetch_missing": N_("Lacks what the browser it claims to be always sends"),
    "old_agent": N_("Claims to be a browser that is years out of date"),
    "likely_gateway_network": N_("From a mail gateway, where few people browse"),
    "burst_of_links": N_("Many links of one e-mail within seconds"),
    "quick_links": N_("Several links of one e-mail in quick succession"),
    "soon_after_sending": N_("Within seconds of sending"),
    "bought": N_("A paid order carries its token: a person, whatever else is seen"),
}

PIXEL_PROBLEM = {
    "bad_amount": N_(
        "The amount cannot be read, or it is too large. Send a number with a decimal point, such as 39.80, "
        "in IMPORTE or amount."
    ),
    "negative_amount": N_("The amount is below zero. Send what the customer paid, and no refunds."),
    "bad_quantity": N_("The quantity cannot be read. Send a number such as 2 in CANTIDAD or quantity."),
    "bad_currency": N_(
        "The currency cannot be read, or the amount names another one. Send one code of three letters, such "
        "as EUR, in MONEDA or currency."
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
        "A program or a prefetch requested the pixel, and no visitor. There is nothing that you need to do."
    ),
    "bad_time": N_("The clock of the tracking server was wrong. Ask its operator to set it."),
    "too_many_hits": N_("One order has 500 hits. Send a different order number with each order."),
}
_OTHER_PROBLEM = N_("The hit could not be used. Ask the operator of this server, and name the reason.")


def explain_pixel_problem(reason: str, language: Language) -> str:
    """What a problem of pixel hits means and what to do, in sentences."""
    return language.text(PIXEL_PROBLEM.get(reason, _OTHER_PROBLEM))


NOTICE = {
    "html_decoded": N_("HTML references such as &amp; were decoded, once"),
    "click_removed": N_("the parameter %(parameter)s was removed: each click brings its own"),
}


LIFT = {
    "no_holdout": N_("Not measured"),
    "not_sent": N_("Not measured yet"),
    "nobody": N_("Not measured yet"),
    "no_addresses": N_("Not measured yet"),
    "nobody_bought": N_("Nobody bought"),
    "running": N_("Still running"),
    "not_enough_data": N_("Not enough data"),
    "more": N_("The mail caused sales"),
    "less": N_("Fewer bought"),
}

_NO_DIFFERENCE = N_(
    "No difference: %(mailed)s bought, of those who were mailed as of those who were left out."
)
_LEFT = N_(
    "Not counted are %(mailed)s who were mailed and %(held_out)s who were left out, for they refused to be "
    "followed since. A mail moves people to do so, and they would seldom have bought, so it may have caused "
    "less than it seems."
)
_LIFT = {
    "no_holdout": N_("This campaign has no control group, so what it caused cannot be measured."),
    "not_sent": N_(
        "It is not known when this campaign was sent, so orders after it cannot be counted. "
        "Set its sent_at by the API: docs/how-to/measure-lift.md."
    ),
    "nobody": N_("There is nobody in one of the two groups yet. Tell the recipients first."),
    "no_addresses": N_(
        "No address of the recipients of one group is known, so their orders cannot be found. "
        "Tell the contacts first."
    ),
    "nobody_bought": N_("Nobody of either group bought, so nobody can tell what the mail caused."),
    "running": N_(
        "Still running: orders until %(until)s count. So far %(mailed)s of those who were mailed bought, "
        "and %(held_out)s of those who were left out."
    ),
    "not_enough_data": N_(
        "Not enough data: %(mailed)s of those who were mailed bought and %(held_out)s of those who were left "
        "out, which may be chance. To see such a difference takes about %(needed)s people in all."
    ),
    "more": N_(
        "The mail caused sales: %(mailed)s of those who were mailed bought and %(held_out)s of those who "
        "were left out. That is about %(extra)s more buyers than without it, between %(low)s and %(high)s."
    ),
    "less": N_(
        "Fewer bought with the mail than without: %(mailed)s of those who were mailed and %(held_out)s of "
        "those who were left out."
    ),
}


def explain_lift(told: Mapping[str, Any], language: Language) -> str:
    """What a campaign caused, as a sentence; `told` as the API gives it."""
    words = {
        "until": language.time(datetime.fromisoformat(told["until"])) if told["until"] else "",
        "mailed": language.rate(told["mailed"]["rate"]) if told["mailed"] else "",
        "held_out": language.rate(told["held_out"]["rate"]) if told["held_out"] else "",
        "needed": language.number(told["needed"]) if told["needed"] else "",
    }
    for word, name in (("extra", "extra_buyers"), ("low", "extra_low"), ("high", "extra_high")):
        words[word] = language.number(round(told[name])) if told[name] is not None else ""
    is_equal = told["state"] == "not_enough_data" and not told["needed"]
    sentence = language.text(_NO_DIFFERENCE if is_equal else _LIFT[told["state"]], **words)
    refused = {name: told[name]["refused"] if told[name] else 0 for name in ("mailed", "held_out")}
    if not any(refused.values()):
        return sentence
    left = {name: language.number(count) for name, count in refused.items()}
    return f"{sentence} {language.text(_LEFT, **left)}"


def explain_refund(refunded: Decimal, currency: str, language: Language) -> str:
    """That an order was refunded in full, as a sentence with the sum."""
    return language.text(_REFUNDED, refunded=language.money(refunded, currency))


def explain(
    decision: Mapping[str, Any], order: str, language: Language, part_paid: tuple[str, str] | None = None
) -> str:
    """A decision as a sentence; `part_paid`: what of an order was paid and its total, in words."""
    if decision["reason"] == "unpaid" and part_paid:
        return language.text(_PART_PAID, order=order, paid=part_paid[0], total=part_paid[1])
    winner = next((item for item in decision["candidates"] if item["credited"]), None)
    words = {"order": order, "contact": "", "time": ""}
    if winner:
        words["contact"] = winner["contact"] or language.text(N_("an unknown contact"))
        if winner["clicked_at"]:
            words["time"] = language.time(datetime.fromisoformat(winner["clicked_at"]))
    sentences = [language.text(_DECIDED[decision["reason"]], **words)]
    if (decision.get("credited") or {}).get("forwarded"):
        sentences.append(language.text(_FORWARDED))
    if decision.get("credited") and decision.get("conflicting"):
        sentences.append(language.text(_CONFLICT))
    return " ".join(sentences)


def explain_notice(notice: Notice, click_parameter: str, language: Language) -> str:
    """What was changed of a link's destination, without a capital and a full stop."""
    return language.text(NOTICE[notice], parameter=click_parameter)


def explain_failure(order: str, error: str, language: Language) -> str:
    """Why an order cannot be decided and what to do, in sentences."""
    return language.text(_FAILED, order=order, error=error)


def explain_candidate(candidate: Mapping[str, Any], language: Language) -> str:
    """Why a click was credited or passed over, as a sentence."""
    if candidate["credited"]:
        return language.text(N_("This click earned the order."))
    why = candidate["passed_over"]
    return language.text(_PASSED_OVER[why] if why else N_("Nothing speaks against it."))
