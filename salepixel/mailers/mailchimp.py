"""Mailchimp (marketing e-mails)."""

from salepixel.mailers.forms import STARS
from salepixel.mailers.platform import Platform, Rewrites, TestMail, others, vendor

_CLICKS = "https://mailchimp.com/help/enable-and-view-click-tracking"

PLATFORM = Platform(
    key="mailchimp",
    name="Mailchimp",
    contact_tag="*|UNIQID|*",
    address_tag="*|FEEDITEM:URL|*",
    forms=(STARS,),
    unfilled=("__test_email__",),
    test_mail=TestMail.INVENTED,
    rewrites=Rewrites.UNLESS_OFF,
    # `mc:disable-tracking` on a link is documented for Mailchimp Transactional alone
    # (mailchimp.com/developer/transactional/docs/activity-reports).
    off_for_mail="Settings & Tracking › Track clicks",
    appends=("mc_cid", "mc_eid", "utm_source", "utm_medium", "utm_campaign", "utm_term"),
    paste="Create › Regular email › Design email › Code your own › Paste in code",
    sources=(
        vendor(
            "Merge tags are written *|TAG|*.", "https://mailchimp.com/developer/marketing/docs/merge-fields/"
        ),
        vendor("Click tracking is a switch of each e-mail; free accounts are redirected anyway.", _CLICKS),
        others(
            "Test e-mails have __test_email__ in place of a contact's id.",
            "https://docs.meiro.io/books/meiro-business-explorer/page/"
            "segment-export-mailchimp-link-decoration-personalization",
        ),
    ),
    unverified=frozenset({"address_tag", "contact_tag", "unfilled", "test_mail", "appends", "paste"}),
)
