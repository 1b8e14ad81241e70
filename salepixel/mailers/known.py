"""The e-mail platforms, in the sequence in which people see them."""

from salepixel.mailers import (
    activecampaign,
    acumbamail,
    brevo,
    hubspot,
    keila,
    klaviyo,
    listmonk,
    mailchimp,
    mailerlite,
    mautic,
    mdirector,
    omnisend,
    other,
    plain,
    sendgrid,
    ses,
)
from salepixel.mailers.platform import Platform

PLATFORMS: dict[str, Platform] = {
    module.PLATFORM.key: module.PLATFORM
    for module in (
        mdirector,
        mailchimp,
        brevo,
        klaviyo,
        listmonk,
        mautic,
        activecampaign,
        keila,
        mailerlite,
        hubspot,
        sendgrid,
        ses,
        acumbamail,
        omnisend,
        plain,
        other,
    )
}
