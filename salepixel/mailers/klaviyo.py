"""Klaviyo. `person.id` is an id of another system and may be empty; KlaviyoID never is."""

from salepixel.mailers.forms import BRACE_BLOCK, BRACES
from salepixel.mailers.platform import Platform, Rewrites, others, vendor

PLATFORM = Platform(
    key="klaviyo",
    name="Klaviyo",
    contact_tag="{{ person.KlaviyoID }}",
    address_tag="{{ item.url|urlencode }}",
    forms=(BRACES, BRACE_BLOCK),
    rewrites=Rewrites.UNLESS_OFF,
    off_for_mail="Settings › Email › Attribution, Track clicks of the campaign",
    appends=("_kx", "utm_source", "utm_medium", "utm_campaign", "utm_id", "utm_term"),
    paste="Campaigns › Create campaign › Email › HTML editor",
    sources=(
        vendor(
            "{{ person.KlaviyoID }} is the id of a profile.",
            "help.klaviyo.com, the article on merging profiles",
        ),
        vendor(
            "A campaign has is_tracking_clicks; utm parameters are a setting.",
            "https://developers.klaviyo.com/en/reference/get_tracking_settings",
        ),
        others(
            "It appends _kx to links; only a setting of the account stops it.",
            "https://community.klaviyo.com/show-tell-27/linking-to-costco-com-url-encoded-parameters-10326",
        ),
    ),
    unverified=frozenset({"address_tag", "test_mail", "off_for_mail", "paste"}),
)
