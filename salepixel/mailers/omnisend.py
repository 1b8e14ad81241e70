"""Omnisend. It uses Liquid with square brackets in place of braces."""

from salepixel.mailers.forms import SQUARE_BLOCK, SQUARES
from salepixel.mailers.platform import Platform, Rewrites, TestMail, others, vendor

PLATFORM = Platform(
    key="omnisend",
    name="Omnisend",
    contact_tag=None,
    forms=(SQUARES, SQUARE_BLOCK),
    field_for_reference="Audience › Contacts › Custom properties",
    test_mail=TestMail.RAW,
    rewrites=Rewrites.UNLESS_OFF,
    appends=("omnisendContactID", "utm_source", "utm_medium", "utm_campaign", "utm_content"),
    paste="Campaigns › Create campaign › Email › HTML code",
    sources=(
        vendor(
            "[[ contact.property ]] and [% if %]; test e-mails show the tags.",
            "https://support.omnisend.com/en/articles/11197418-use-liquid-templating-for-message-personalization",
        ),
        others(
            "omnisendContactID in links names the contact.",
            "plugins of shops read it, such as Smartstore's and Sylius's",
        ),
    ),
    unverified=frozenset(
        {"contact_tag", "field_for_reference", "rewrites", "off_for_mail", "appends", "paste"}
    ),
)
