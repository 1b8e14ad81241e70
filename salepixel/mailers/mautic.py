"""Mautic. A test e-mail ("Send example") has 0 in place of the contact's id."""

from salepixel.mailers.forms import CONTACT_FIELD, ONE_BRACE
from salepixel.mailers.platform import Platform, Rewrites, TestMail, code, vendor

PLATFORM = Platform(
    key="mautic",
    name="Mautic",
    contact_tag="{contactfield=id}",
    forms=(CONTACT_FIELD, ONE_BRACE),
    unfilled=("0",),
    test_mail=TestMail.INVENTED,
    rewrites=Rewrites.UNLESS_OFF,
    off_for_link='data-mautic-disable-tracking="true"',  # until Mautic 6: mautic:disable-tracking
    appends=("ct", "utm_source", "utm_medium", "utm_campaign", "utm_content"),
    paste="Channels › Emails › New › Theme: Code Mode › Builder",
    sources=(
        vendor(
            "{contactfield=id} is the contact's id.",
            "mautic/user-documentation, 5.x: docs/configuration/variables.rst",
        ),
        vendor(
            'data-mautic-disable-tracking="true" stops the tracking of a link.',
            "mautic/user-documentation, 7.x: the page on e-mails",
        ),
        code(
            "mautic:disable-tracking is deprecated in 7 and gone in 8.",
            "mautic/mautic: app/bundles/PageBundle/Model/TrackableModel.php, UPGRADE",
        ),
        code(
            "The fields of an example are their names in brackets, and the id is 0.",
            "mautic/mautic: EmailBundle, the action that sends an example (seen in its copy in EMailTester)",
        ),
    ),
    unverified=frozenset({"appends", "paste"}),
)
