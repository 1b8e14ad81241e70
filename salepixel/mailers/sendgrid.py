"""SendGrid. Its tags are keys of the data that you send, so the reference is one of them."""

from salepixel.mailers.forms import BRACES
from salepixel.mailers.platform import Platform, Rewrites, vendor

PLATFORM = Platform(
    key="sendgrid",
    name="SendGrid",
    contact_tag=None,
    forms=(BRACES,),
    field_for_reference="Marketing › Custom Fields, or a key of dynamic_template_data",
    rewrites=Rewrites.UNLESS_OFF,
    off_for_link="clicktracking=off",  # in HTML; text parts have a switch of the account
    off_for_mail="Settings › Tracking › Click Tracking",
    appends=("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
    paste="Email API › Dynamic Templates › Code Editor",
    sources=(
        vendor(
            "clicktracking=off on a link stops its tracking.", "https://github.com/sendgrid/docs/pull/1838"
        ),
        vendor(
            "Click tracking is a setting of the account, also for text parts.",
            "https://www.twilio.com/docs/sendgrid/api-reference/settings-tracking/update-click-tracking-settings",
        ),
        vendor(
            "Marketing Campaigns tracks links even if the setting is off.",
            "https://github.com/sendgrid/docs/pull/3294",
        ),
    ),
    unverified=frozenset({"field_for_reference", "test_mail", "appends", "paste"}),
)
