"""Amazon SES. Its tags are keys of TemplateData, so the reference is one of them."""

from salepixel.mailers.forms import BRACES
from salepixel.mailers.platform import Platform, Rewrites, TestMail, vendor

PLATFORM = Platform(
    key="ses",
    name="Amazon SES",
    contact_tag=None,
    forms=(BRACES,),
    field_for_reference="TemplateData",
    test_mail=TestMail.FILLED,
    rewrites=Rewrites.ON_REQUEST,
    off_for_link="ses:no-track",
    off_for_mail="Configuration set › Event destinations › Clicks, or TrackingConfigurationOverrides",
    paste="CreateEmailTemplate › HtmlPart",
    sources=(
        vendor(
            "ses:no-track on a link stops its tracking; SES removes the attribute.",
            "https://docs.aws.amazon.com/ses/latest/dg/faqs-metrics.html",
        ),
        vendor(
            "Links change only if click events are published.",
            "https://docs.aws.amazon.com/ses/latest/dg/configure-custom-open-click-domains.html",
        ),
        vendor(
            "ClickTrackingEnabled of a message overrides the settings.",
            "https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_TrackingConfigurationOverrides.html",
        ),
    ),
)
