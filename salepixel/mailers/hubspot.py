"""HubSpot (marketing e-mails)."""

from salepixel.mailers.forms import BRACE_BLOCK, BRACES
from salepixel.mailers.platform import Platform, Rewrites, others, vendor

PLATFORM = Platform(
    key="hubspot",
    name="HubSpot",
    contact_tag="{{ contact.hs_object_id }}",
    forms=(BRACES, BRACE_BLOCK),
    rewrites=Rewrites.UNLESS_OFF,
    off_for_mail="Settings › Marketing › Email › Tracking",
    appends=("_hsenc", "_hsmi", "utm_source", "utm_medium", "utm_campaign", "utm_content"),
    paste="Marketing › Email › Create email › Custom coded template",
    sources=(
        vendor(
            "Tracking of links is a setting of the account, not of a link or an e-mail.",
            "https://integrate.hubspot.com/t/"
            "what-actions-cause-the-user-token-utk-hubspotutk-cookie-to-be-set/9525",
        ),
        vendor(
            "Tracking preferences are in Settings, Marketing, Email.",
            "https://knowledge.hubspot.com/marketing-email/manage-your-marketing-email-account-settings",
        ),
        others("It appends _hsenc and _hsmi.", "https://github.com/brave/brave-browser/issues/9019"),
    ),
    unverified=frozenset({"contact_tag", "test_mail", "appends", "paste"}),
)
