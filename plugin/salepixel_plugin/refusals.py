"""What use cases declined, as answers: a status for each kind and a sentence for each reason."""

from typing import Any

from salepixel.accounts.declined import (
    BadField,
    Conflict,
    Declined,
    Invalid,
    NotAllowed,
    NotFound,
    UnknownAccount,
)
from salepixel_plugin.access import Refusal
from salepixel_plugin.languages import N_

STATUS: dict[type[Declined], int] = {
    NotFound: 404,
    UnknownAccount: 404,
    NotAllowed: 403,
    Conflict: 409,
    Invalid: 422,
    BadField: 422,
}

SENTENCES = {
    "not_found": "There is no such %(what)s, or this key does not open it.",
    "unknown_account": "There is no account %(emp_id)s; make it with POST /accounts.",
    "not_allowed": "This needs a key with all rights, such as SALEPIXEL_API_KEY.",
    "other_account": "This key does not open account %(emp_id)s; use a key of it.",
    "invalid": "Correct %(field)s: %(said)s.",
    "taken": "There is an account %(emp_id)s already; choose another empId.",
    "months_closed": "Account %(emp_id)s has closed months, and their sums in %(currency)s do not change.",
    "chosen_once": "%(names)s: chosen once, and account %(emp_id)s has sales; their sums would not be the "
    "same.",
    "key_of_settings": "This is the key of %(setting)s: change that setting and start again, which shuts it "
    "out.",
    "shop_removed": "This store was removed; add it again with POST /shops.",
    "no_connection": "Only a store that connects by its app can be changed; this one has no app.",
    "no_holdout": "This campaign leaves nobody out; give `holdout_percent` when you make one.",
    "campaign_over": "The orders after this campaign are counted already: nobody can be added to it any "
    "more.",
    "policy_changed": "Another policy is in force by now; preview the change again.",
    "month_not_over": N_("%(month)s has not ended yet. Close it after its last day."),
    "orders_waiting": N_(
        "%(waiting)s orders of that period are still being processed. Try again in a minute."
    ),
    "orders_failed": N_(
        "%(count)s orders of that period could not be processed: %(orders)s. Retry them on the page of failed"
        " orders, or close the month without them."
    ),
}
"""Reason -> what is wrong and what to do. Marked for translation: what a form of a page may meet."""


def as_refusal(declined: Declined) -> Refusal:
    """The answer to what a use case declined."""
    errors = {}
    if isinstance(declined, BadField):
        place = declined.field if declined.part is None else f"{declined.field}.{declined.part}"
        errors = {place: [declined.said]}
    words: dict[str, Any] = declined.words
    return Refusal(STATUS[type(declined)], declined.reason, SENTENCES[declined.reason], errors, **words)
