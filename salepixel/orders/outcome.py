"""The outcomes of a decision, and its reasons."""

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of an order."""

    ATTRIBUTED = "attributed"
    LIKELY = "likely"
    UNATTRIBUTED = "unattributed"
    PENDING = "pending"


class Reason(StrEnum):
    """The one reason of a decision, or why a candidate was passed over."""

    CLICK_TOKEN_ON_ORDER = "click_token_on_order"
    COOKIE_AT_PIXEL = "cookie_at_pixel"
    COUPON_OF_CONTACT = "coupon_of_contact"
    KNOWN_CUSTOMER = "known_customer"
    EMAIL_MATCH = "email_match"
    ALIAS_MATCH = "alias_match"
    CAMPAIGN_NAMED = "campaign_named"
    UNPAID = "unpaid"
    REPLACEMENT = "replacement"
    CANCELLED = "cancelled"
    NO_CLICK = "no_click"
    CLICKS_ENDED = "clicks_ended"
    INVALID_TOKEN = "invalid_token"
    OTHER_ACCOUNT = "other_account"
    OPTED_OUT = "opted_out"
    NOT_A_SALES_LINK = "not_a_sales_link"
    CLICK_AFTER_ORDER = "click_after_order"
    OUTSIDE_WINDOW = "outside_window"
    BOT_CLICK = "bot_click"
    WEAK_EVIDENCE = "weak_evidence"
    PIXEL_ONLY = "pixel_only"
    MONTH_CLOSED = "month_closed"
    EARLIER_CLICK = "earlier_click"
    WEAKER_EVIDENCE = "weaker_evidence"
    OTHER_CONTACT = "other_contact"
    NOT_BY_MODEL = "not_by_model"
