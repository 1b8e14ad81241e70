"""The audit list in words: actions, actors, and the names of changed fields."""

import json
from typing import Any

from salepixel.accounts.audit import Action
from salepixel.accounts.audit_list import Actor, Entry
from salepixel.accounts.principal import ActorKind
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
    Action.CAMPAIGN_RESTORED: N_("Campaign taken out of the archive"),
    Action.CAMPAIGN_DELETED: N_("Campaign deleted"),
    Action.RECIPIENTS_ADDED: N_("Recipients added"),
    Action.COUPONS_ADDED: N_("Coupon codes added"),
    Action.LINK_CHANGED: N_("Link changed"),
    Action.CONTACTS_CHANGED: N_("Contacts added or changed"),
    Action.OPTED_OUT: N_("Contact opted out of tracking"),
    Action.OPTED_IN: N_("Contact opted in again"),
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
    "name": N_("Name"),
    "new_url": N_("Changed destination"),
    "role": N_("Role"),
    "sale_pixel": N_("Sales link"),
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


def say_changes(entry: Entry, language: Language) -> list[tuple[str, str, str]]:
    """Each changed field, and its value before and after."""
    return [
        (
            language.text(FIELD[name]) if name in FIELD else name,
            say_value(before, language),
            say_value(after, language),
        )
        for name, (before, after) in entry.changes.items()
    ]


def say_value(value: Any, language: Language) -> str:
    """A value before or after; nothing is a dash."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return language.text(N_("yes") if value else N_("no"))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
