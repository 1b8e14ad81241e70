"""For each reason of a check: a sentence, and what mends it. Translated where they are shown."""

from typing import NamedTuple

from salepixel.reading.translated import N_


class Sentence(NamedTuple):
    """What a check found, and what to do about it; empty: nothing.

    `mends`: in the words of a shop owner. `operator`: what the owner sends to the operator of the server.
    """

    says: str
    mends: str = ""
    operator: str = ""


_SEND = N_("This is a task for the operator of your Salepixel. Send them this:")
_DNS = N_(
    "Check the DNS record of the host: it must point to your Salepixel. If it is right, send this to the "
    "operator of your Salepixel:"
)

_OTHER_SERVER = N_(
    "Another server, or another installation, answers at %(host)s. Please point the proxy to the edge of "
    "this installation. The edge needs the keys.json of this installation."
)

TITLES = {
    "account": N_("Account and shop site"),
    "tracking_host": N_("Tracking host"),
    "same_site": N_("Tracking host and shop on one site"),
    "cookie": N_("Cookie of the click"),
    "shop": N_("Shop connected"),
    "tag": N_("Tag or pixel in the shop"),
    "campaign": N_("First campaign"),
    "click": N_("First click"),
    "sale": N_("First order with evidence"),
}
"""The checks of an account, in the sequence of its steps."""

SENTENCES = {
    "account_ready": Sentence(N_("%(name)s sells on %(site)s.")),
    "site_missing": Sentence(
        N_("The account does not have the host name of your shop yet."),
        N_("Enter the host name of your shop, such as www.shop.example."),
    ),
    "site_needed": Sentence(N_("This step needs the host name of your shop.")),
    "host_needed": Sentence(N_("This step needs a tracking host.")),
    "host_local": Sentence(
        N_("Tracked links lead to %(host)s, which only this computer or network can open."),
        N_(
            "Choose a subdomain of your shop, such as track.shop.example. Point its DNS record to this "
            "server, and enter it here."
        ),
    ),
    "host_not_checked": Sentence(
        N_("Salepixel has not checked yet whether %(host)s leads to this installation."),
        N_("Press Check now."),
    ),
    "host_reached": Sentence(N_("%(host)s answers over https. Last checked on %(time)s.")),
    "host_not_https": Sentence(
        N_("%(host)s answers, but only over http: browsers warn your customers."),
        _SEND,
        N_(
            "%(host)s needs a certificate. Please set one up, and set SALEPIXEL_EDGE_URL to an address with "
            "https."
        ),
    ),
    "host_unreachable": Sentence(
        N_("%(host)s could not be reached on %(time)s, so tracked links do not work."),
        _DNS,
        N_(
            "%(host)s cannot be reached from the server. Please check the firewall and the proxy in front of "
            "the edge. If the host has a private address, add its network to SALEPIXEL_PRIVATE_NETWORKS."
        ),
    ),
    "host_bad_certificate": Sentence(
        N_("The certificate of %(host)s is not valid, so browsers do not open tracked links."),
        _SEND,
        N_("The certificate of %(host)s is not valid. Please renew it for exactly this host name."),
    ),
    "host_too_slow": Sentence(
        N_("%(host)s did not answer within five seconds."),
        _SEND,
        N_(
            "%(host)s does not answer within five seconds. Please check the load of the server, and the "
            "proxy in front of the edge."
        ),
    ),
    "host_too_large": Sentence(
        N_("Another server answers at %(host)s, so tracked links do not work."),
        _DNS,
        _OTHER_SERVER,
    ),
    "host_other_server": Sentence(
        N_("Another server, or another installation, answers at %(host)s, so tracked links do not work."),
        _DNS,
        _OTHER_SERVER,
    ),
    "same_site": Sentence(N_("%(host)s and %(site)s belong to the same site: %(wanted)s.")),
    "other_site": Sentence(
        N_(
            "%(host)s is not on the site of %(site)s, so browsers do not send the cookie of the click to the "
            "pixel."
        ),
        N_("Use a tracking host that ends in .%(wanted)s."),
    ),
    "cookie_not_set": Sentence(
        N_("The cookie of %(host)s is removed on its way."),
        _SEND,
        N_(
            "The header Set-Cookie of %(host)s is removed on its way. Please let the proxy or the CDN in "
            "front of the edge pass it, and cache nothing."
        ),
    ),
    "cookie_not_read": Sentence(
        N_("The cookie of %(host)s is set, but does not come back."),
        _SEND,
        N_(
            "The header Cookie does not reach the edge at %(host)s. Please let the proxy or the CDN in front "
            "of the edge pass it, and cache nothing."
        ),
    ),
    "cookie_not_tried": Sentence(
        N_("It is not known yet whether browsers keep the cookie of %(host)s."),
        N_("Press Try with this browser: it opens the tracking host and returns to this page."),
    ),
    "cookie_lost": Sentence(
        N_("Your browser did not keep the cookie of %(host)s on %(time)s."),
        N_(
            "Allow cookies of this site in your browser, or try another browser. If all browsers lose the "
            "cookie, send this to the operator of your Salepixel:"
        ),
        N_(
            "Browsers do not keep the cookie of %(host)s. Please check whether the proxy or the CDN in front "
            "of the edge removes it."
        ),
    ),
    "cookie_kept": Sentence(N_("A browser kept the cookie of %(host)s on %(time)s.")),
    "shop_missing": Sentence(
        N_("No shop is connected, so no order can be confirmed."),
        N_("Enter the address of your Saleor's API, or send orders through the sales API."),
    ),
    "shop_pixel_only": Sentence(
        N_("Orders come from the pixel alone, so they are not verified."),
        N_("Connect your shop, or send orders through the sales API. Then orders count only with proof."),
    ),
    "shop_waiting": Sentence(
        N_("%(shop)s was added, but the app is not installed there yet."),
        N_("Open Extensions in the shop's Dashboard, and install the app from this address:"),
    ),
    "shop_inactive": Sentence(
        N_("The app was deactivated in %(shop)s, so its orders do not arrive."),
        N_("Open Extensions in the shop's Dashboard, choose Salepixel and press Activate."),
    ),
    "shop_app_inactive": Sentence(
        N_("The app was deactivated in %(shop)s, so its orders do not arrive."),
        N_("Open Extensions in the shop's Dashboard, choose Salepixel and press Activate."),
    ),
    "shop_disconnected": Sentence(
        N_("The app was deleted in %(shop)s, so its orders do not arrive."),
        N_("Open Extensions in the shop's Dashboard, and install the app from this address:"),
    ),
    "shop_paused": Sentence(
        N_("%(shop)s is paused, so its orders do not arrive."),
        N_("Press Resume on the page Tracking health."),
    ),
    "shop_permission_removed": Sentence(
        N_("The app lost its permission to read orders in %(shop)s."),
        N_(
            "Open Extensions in the shop's Dashboard, choose Salepixel, edit its permissions and tick "
            '"Manage orders".'
        ),
    ),
    "shop_token_refused": Sentence(
        N_("%(shop)s does not accept the app's token: the app was deactivated or deleted there."),
        N_("Open Extensions in the shop's Dashboard, and install the app from this address:"),
    ),
    "shop_unavailable": Sentence(
        N_("Orders of %(shop)s could not be fetched. Salepixel retries every five minutes."),
        N_("Check whether the shop's API answers. Tracking health shows the error."),
    ),
    "shop_silent": Sentence(
        N_("%(shop)s is connected, but no order has arrived yet."),
        N_("Place a test order in your shop."),
    ),
    "shop_connected": Sentence(N_("Orders arrive and are verified, the last one on %(time)s.")),
    "tag_reports": Sentence(N_("The tag or pixel reported an order on %(time)s.")),
    "tag_found": Sentence(N_("The tag is on %(page)s.")),
    "tag_not_checked": Sentence(
        N_("Salepixel has not looked for the tag on %(page)s yet."),
        N_("Add this line to every page of your shop, and press Check now:"),
    ),
    "tag_not_found": Sentence(
        N_(
            "The tag was not found on %(page)s on %(time)s. If a script adds the tag, the tag's first"
            " report completes this step."
        ),
        N_("Add this line to every page of your shop, and press Check now:"),
    ),
    "tag_unreachable": Sentence(
        N_("%(page)s could not be opened from this server, so Salepixel could not look for the tag."),
        N_("Check the host name of your shop."),
    ),
    "tag_bad_certificate": Sentence(
        N_("%(page)s could not be opened from this server: its certificate is not valid."),
        N_("Check the host name of your shop."),
    ),
    "tag_too_slow": Sentence(
        N_("%(page)s did not answer within five seconds, so Salepixel could not look for the tag."),
        N_("Press Check now to try again."),
    ),
    "tag_too_large": Sentence(
        N_(
            "%(page)s is larger than 1 MB, so Salepixel did not look for the tag. The tag's first "
            "report completes this step."
        ),
        N_("Add this line to every page of your shop:"),
    ),
    "tag_bad_status": Sentence(
        N_(
            "%(page)s answers with an error, or leads to another site, so Salepixel could not look "
            "for the tag."
        ),
        N_("Check the host name of your shop."),
    ),
    "tag_other_account": Sentence(
        N_("The tag on %(page)s belongs to another account."),
        N_("Replace it with this line:"),
    ),
    "tag_other_host": Sentence(
        N_("The tag on %(page)s does not report to this account's tracking host, but to another host."),
        N_("Replace it with this line:"),
    ),
    "campaign_made": Sentence(N_("You have a campaign with tracked links.")),
    "campaign_draft": Sentence(
        N_("You have a campaign that is not finished."),
        N_("Open the draft on the page Campaigns, and create its campaign."),
    ),
    "campaign_missing": Sentence(
        N_("You have no campaign yet."),
        N_("Paste your e-mail, and get it back with tracked links."),
    ),
    "click_counted": Sentence(N_("Human clicks: %(number)s")),
    "click_by_bots": Sentence(
        N_("Only bots have clicked so far: %(number)s clicks."),
        N_("Send yourself the e-mail, and click a link in it."),
    ),
    "click_missing": Sentence(
        N_("Nobody has clicked a tracked link yet."),
        N_("Send yourself the e-mail, and click a link in it."),
    ),
    "sale_attributed": Sentence(N_("Orders with evidence of a click: %(number)s")),
    "sale_without_evidence": Sentence(
        N_("Orders have arrived (%(number)s), but none has evidence of a click."),
        N_("Click a sales link of your campaign, and place a test order in the same browser."),
    ),
    "sale_missing": Sentence(
        N_("No order has been processed yet."),
        N_("Click a sales link of your campaign, and place a test order in the same browser."),
    ),
}
