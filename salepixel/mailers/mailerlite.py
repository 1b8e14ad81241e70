"""MailerLite. It has no tag for a contact's id that it documents, so a field has the reference."""

from salepixel.mailers.forms import DOLLAR
from salepixel.mailers.platform import Platform, Rewrites, others

PLATFORM = Platform(
    key="mailerlite",
    name="MailerLite",
    contact_tag=None,
    forms=(DOLLAR,),
    field_for_reference="Subscribers › Fields › Create field",
    rewrites=Rewrites.ALWAYS,
    appends=("ml_subscriber", "ml_subscriber_hash", "utm_source", "utm_medium", "utm_campaign"),
    paste="Campaigns › Create campaign › Custom HTML editor",
    sources=(
        others(
            "All links are rewritten, and there is no switch.",
            "https://github.com/mailerlite/mailerlite-api-v2-php-sdk/issues/78",
        ),
    ),
    unverified=frozenset({"contact_tag", "field_for_reference", "test_mail", "rewrites", "appends", "paste"}),
)
