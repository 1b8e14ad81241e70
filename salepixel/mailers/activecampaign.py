"""ActiveCampaign."""

from salepixel.mailers.forms import ONE_PERCENT
from salepixel.mailers.platform import Platform, Rewrites, others, vendor

PLATFORM = Platform(
    key="activecampaign",
    name="ActiveCampaign",
    contact_tag="%SUBSCRIBERID%",
    forms=(ONE_PERCENT,),
    rewrites=Rewrites.UNLESS_OFF,
    off_for_mail="Campaign summary › Link tracking",
    appends=("vgo_ee", "utm_source", "utm_medium", "utm_campaign", "utm_content"),
    paste="Campaigns › Create a campaign › Custom HTML",
    sources=(
        vendor(
            "Link tracking is on by default; with Site Tracking, links get a parameter.",
            "https://help.activecampaign.com/hc/en-us/articles/115001566370-About-link-tracking",
        ),
        others(
            "%SUBSCRIBERID% is the contact's id.",
            "lists of its tags in plugins; ActiveCampaign's own editor offers it as Subscriber ID",
        ),
    ),
    unverified=frozenset({"contact_tag", "test_mail", "off_for_mail", "appends", "paste"}),
)
