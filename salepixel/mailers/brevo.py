"""Brevo, formerly Sendinblue. Its own contact id is no variable, so an attribute has the reference."""

from salepixel.mailers.forms import BRACE_BLOCK, BRACES
from salepixel.mailers.platform import Platform, Rewrites, others, vendor

PLATFORM = Platform(
    key="brevo",
    name="Brevo",
    contact_tag="{{ contact.RC_ID }}",
    address_tag="{{ item.url }}",
    forms=(BRACES, BRACE_BLOCK),
    field_for_reference="Contacts › Settings › Contact attributes: RC_ID",
    rewrites=Rewrites.ALWAYS,
    appends=("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id"),
    paste="Campaigns › Create an email campaign › Start designing › Code your own › Paste your code",
    sources=(
        vendor(
            "{{ contact.ATTRIBUTE }} is replaced by an attribute of the contact, also by one of your own.",
            "https://help.brevo.com/hc/en-us/articles/4402386448530",
        ),
        vendor("It can add utm parameters to links.", "https://developers.brevo.com/changelog/2026/7/20"),
        others(
            "There is no switch for its link tracking.",
            "https://github.com/sendinblue/APIv3-nodejs-library/issues/115",
        ),
    ),
    unverified=frozenset({"address_tag", "rewrites", "test_mail", "paste"}),
)
