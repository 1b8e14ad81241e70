"""The audit list in words: actions, actors, and the names of changed fields."""

import json
from typing import Any

from salepixel.accounts.audit import Action
from salepixel.accounts.audit_list import Actor, Entry
from salepixel.accounts.principal import HIDDEN, ActorKind
from salepixel_plugin.languages import N_, Language

ACTION = {
    Action.ACCOUNT_CREATED: N_("Account created"),
    Action.ACCOUNT_CHANGED: N_("Account settings changed"),
    Action.PIXEL_SECRET_RENEWED: N_("Pixel secret renewed"),
    Action.MONTH_CLOSED: N_("Month closed"),
    Action.POLICY_CHANGED: N_("Attribution settings changed"),
    Action.RETENTION_CHANGED: N_("Retention changed"),
    Action.KEY_CREATED: N_("API key created"),
    Action.KEY_REVOKED: N_("API key revoked"),
    Action.CAMPAIGN_CREATED: N_("Campaign created"),
    Action.CAMPAIGN_CHANGED: N_("Campaign changed"),
    Action.CAMPAIGN_ARCHIVED: N_("Campaign archived"),
    Action.CAMPAIGN_RESTORED: N_("Campaign restored from the archive"),
    Action.CAMPAIGN_DELETED: N_("Campaign deleted"),
    Action.RECIPIENTS_ADDED: N_("Recipients added"),
    Action.COUPONS_ADDED: N_("Coupon codes added"),
    Action.LINK_CHANGED: N_("Link changed"),
    Action.CONTACTS_CHANGED: N_("Contacts added or changed"),
    Action.OPTED_OUT: N_("Contact opted out of tracking"),
    Action.OPTED_IN: N_("Contact opted in again"),
    Action.ERASURE_BEGUN: N_("Person erased"),
    Action.ERASURE_RETRIED: N_("Erasure retried"),
    Action.ERASURE_CLOSED: N_("Erasure closed"),
    Action.DRAFT_CREATED: N_("E-mail draft created"),
    Action.DRAFT_CHANGED: N_("E-mail draft changed"),
    Action.DRAFT_DELETED: N_("E-mail draft deleted"),
    Action.FLOW_CREATED: N_("Flow created"),
    Action.FLOW_CHANGED: N_("E-mails of a flow changed"),
    Action.LIST_UPLOADED: N_("List uploaded"),
    Action.LIST_IMPORTED: N_("List imported"),
    Action.LIST_DELETED: N_("List deleted"),
    Action.SHOP_ADDED: N_("Shop added"),
    Action.SHOP_CHANGED: N_("Shop changed"),
    Action.SHOP_REMOVED: N_("Shop removed"),
    Action.SHOP_CONNECTED: N_("App installed in the shop"),
    Action.SMTP_CHANGED: N_("E-mail settings changed"),
    Action.SMTP_REMOVED: N_("E-mail settings removed"),
    Action.SMTP_TESTED: N_("Test e-mail sent"),
    Action.SUBSCRIBED: N_("Subscription to reports added"),
    Action.UNSUBSCRIBED: N_("Subscription to reports ended"),
    Action.REPORTS_RETRIED: N_("Failed reports sent again"),
    Action.ALERT_ADDRESS_ADDED: N_("Address for alerts added"),
    Action.ALERT_ADDRESS_REMOVED: N_("Address for alerts removed"),
    Action.ALERT_TESTED: N_("Test alert sent"),
    Action.CANARY_RUN: N_("Check of the tracking started"),
    Action.ORDERS_RETRIED: N_("Failed orders retried"),
    Action.FORWARDS_RETRIED: N_("Failed forwards retried"),
    Action.INVITED: N_("Person invited"),
    Action.INVITATION_WITHDRAWN: N_("Invitation withdrawn"),
    Action.JOINED: N_("Person joined"),
    Action.MEMBER_CHANGED: N_("Role changed"),
    Action.MEMBER_REMOVED: N_("Person removed"),
    Action.PERSON_CHANGED: N_("Name or language changed"),
    Action.PASSWORD_CHANGED: N_("Password changed"),
    Action.PASSWORD_LINK_MADE: N_("Link for a new password created"),
    Action.SECOND_FACTOR_ON: N_("Second factor turned on"),
    Action.SECOND_FACTOR_OFF: N_("Second factor turned off"),
    Action.IDENTITY_LINKED: N_("Company account linked"),
    Action.SIGNED_IN: N_("Signed in"),
    Action.SIGNED_OUT: N_("Signed out"),
    Action.SESSIONS_ENDED: N_("Sessions ended"),
    Action.SIGN_IN_FAILED: N_("Wrong password or code"),
}
"""What was done, for people."""

ACTOR = {
    ActorKind.PERSON: N_("Person"),
    ActorKind.KEY: N_("API key"),
    ActorKind.STAFF: N_("Saleor Dashboard user"),
    ActorKind.COMMAND: N_("Command line"),
    ActorKind.PROGRAM: N_("Salepixel"),
    ActorKind.NOBODY: N_("Nobody signed in"),
}

FIELD = {
    "active": N_("Link works"),
    "archived_at": N_("Archived"),
    "currency": N_("Currency"),
    "holdout_percent": N_("Control group in percent"),
    "label": N_("Label"),
    "link_hosts": N_("Hosts of dynamic links"),
    "links": N_("Links"),
    "mailer": N_("E-mail platform"),
    "model": N_("Model"),
    "name": N_("Name"),
    "new_url": N_("Changed destination"),
    "parts": N_("E-mails of the flow"),
    "role": N_("Role"),
    "sale_pixel": N_("Sales link"),
    "scope": N_("Scope"),
    "expires_at": N_("Valid until"),
    "sent_at": N_("Sent"),
    "sent_count": N_("E-mails sent"),
    "site": N_("Site"),
    "time_zone": N_("Time zone"),
    "tracking_host": N_("Tracking host"),
    "window_days": N_("Attribution window in days"),
}
"""Field -> its name on pages. Other fields have the name that the API gives them."""


def say_actor(actor: Actor, language: Language) -> str:
    """Who did it: the name as it was, or what kind of actor it is."""
    named = actor.kind in (ActorKind.PERSON, ActorKind.KEY) and actor.name
    return actor.name if named else language.text(ACTOR[actor.kind])


def say_changes(entry: Entry, language: Language) -> list[tuple[str, str]]:
    """Each changed field, and how it changed: "7 → 9", or only that it did, for a secret or an address."""
    return [
        (language.text(FIELD[name]) if name in FIELD else name, _say_change(before, after, language))
        for name, (before, after) in entry.changes.items()
    ]


def _say_change(before: Any, after: Any, language: Language) -> str:
    if before == after == HIDDEN:
        return language.text(N_("changed"))
    return f"{say_value(before, language)} → {say_value(after, language)}"


def say_value(value: Any, language: Language) -> str:
    """A value before or after; nothing is a dash."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return language.text(N_("yes") if value else N_("no"))
    if isinstance(value, int):
        return language.number(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
