"""Help: questions that owners of shops ask, and a glossary. docs/reference/glossary.md has the same texts."""

from flask import Response, request

from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import accounts_of_menu, blueprint, page
from salepixel_plugin.pages.menu import find_place

QUESTIONS = (
    (
        N_("Why is an order of my shop not in a campaign?"),
        N_(
            "Find the order on the page Orders, and open it: its page says why it was not attributed."
            " The most frequent reasons are that nobody clicked before the order, that the click is "
            "outside the attribution window, or that the link is not a sales link."
        ),
        "list_orders",
    ),
    (
        N_("Is a sale lost if the buyer never sees the thank-you page?"),
        N_(
            "No. The shop reports its orders itself, and Salepixel also asks the shop for orders that did "
            "not arrive. The pixel on the thank-you page only adds evidence."
        ),
        "show_coverage",
    ),
    (
        N_("Why are there fewer clicks than in my e-mail platform?"),
        N_(
            "Security scanners open the links of an e-mail before a person reads it. Salepixel stores"
            " these clicks, too, but shows them separately, as bot clicks."
        ),
        "show_account",
    ),
    (
        N_("Can an order count twice?"),
        N_(
            "No. An order counts once, even if the shop, the pixel and the API report it several "
            "times. If several clicks share an order, their shares add up to one order."
        ),
        "list_orders",
    ),
    (
        N_("What happens to revenue when a buyer sends something back?"),
        N_(
            "A refund lowers the net revenue of its sale. After a month is closed, its figures stay "
            "the same, and later refunds are shown beside them."
        ),
        "show_account",
    ),
    (
        N_("Does the report give e-mail too much credit?"),
        N_(
            "No. An order is never attributed to an open or to a bot. By default, it is attributed "
            "only to the last click before it. Clicks show what came before an order, not what caused"
            " it. To measure what the e-mails caused, use a random holdout."
        ),
        "compare_models",
    ),
    (
        N_("What if the browser blocks cookies?"),
        N_(
            "The address of the page also contains the click, so that the shop can store it with the "
            "order. Orders without it are matched by the buyer's e-mail address or a coupon code, "
            "with lower confidence."
        ),
        "list_orders",
    ),
    (
        N_("Why are the amounts of two currencies not added up?"),
        N_(
            "Their sum would mean nothing. Where you see a converted total, each sale is converted at the "
            "European Central Bank's reference rate of its day."
        ),
        "show_account",
    ),
    (
        N_("Can a report of last year still change?"),
        N_(
            "No, once its month is closed. Until then, new attribution settings can change it. A "
            "preview shows every affected order first."
        ),
        "show_policy",
    ),
    (
        N_("Are contacts who opted out still tracked?"),
        N_(
            "No. Contacts who opted out, and visitors whose browser sends Global Privacy Control, are"
            " not tracked: their clicks have no contact, no cookie and no token."
        ),
        "find_contact",
    ),
    (
        N_("What if the buyer pays in a wallet or on another page, such as PayPal or Apple Pay?"),
        N_(
            "The storefront tag stores the click with the checkout, before the payment begins. Otherwise "
            "the order is matched afterwards by the buyer's cookie, customer number or e-mail address. No "
            "pixel is needed on the payment page."
        ),
        "list_orders",
    ),
    (
        N_("Can a sale be credited to the wrong person?"),
        N_(
            "If an order carries the click of one contact and the e-mail address of another, its page says "
            "so, and the confidence falls. Forwarded e-mails and shared browsers are recognised."
        ),
        "list_orders",
    ),
    (
        N_("Why does the report say what it says?"),
        N_(
            "Each order has a page with the decision in one sentence, the evidence, every click that was "
            "considered, and the signed data of the shop."
        ),
        "list_orders",
    ),
    (
        N_("Can I see and export who clicked and who bought?"),
        N_(
            "Yes, if your role shows contacts. The pages Sales, Links, Contacts and Items of a campaign can "
            "be sorted and searched, and downloaded for Excel or as CSV."
        ),
        "list_account_campaigns",
    ),
    (
        N_("Does a tracked link slow down the shop, or break?"),
        N_(
            "A link needs no database, so it keeps working even while the report is down. Its "
            "destination is encrypted in the link itself. After sending, you can still change the "
            "destination or switch the link off."
        ),
        "show_link_settings",
    ),
    (
        N_("Can somebody forge a sale, or make our links lead to another site?"),
        N_(
            "No, if a shop is connected: then only the shop's own orders, and those sent with your API "
            "key, count as revenue. Orders that only a pixel reports can be forged. A modified link is "
            "rejected, and dynamic links lead only to the sites on your list."
        ),
        "show_link_settings",
    ),
    (
        N_("What happens if I delete a campaign?"),
        N_(
            "You cannot delete a campaign with clicks or orders, but you can archive it. It keeps its"
            " figures and its orders, and its links keep working."
        ),
        "list_account_campaigns",
    ),
    (
        N_("Does it work with our e-mail platform?"),
        N_(
            "Yes. Paste your e-mail, choose the platform, and get the e-mail back with tracked links."
            " Salepixel also knows open-source platforms such as Mautic, listmonk and Keila."
        ),
        "list_account_campaigns",
    ),
    (
        N_("Is it hard to run on our own server?"),
        N_(
            "No. One command starts everything, and needs no other software. The page First steps "
            "shows what is still missing and how to fix it, and alerts report when something breaks."
        ),
        "first_steps",
    ),
    (
        N_("What if the shop reports an order late, twice or not at all?"),
        N_(
            "The shop can report an order late or several times: only the newest state of the order "
            "counts. Salepixel fetches orders that did not arrive from the shop, and shows them day "
            "by day."
        ),
        "show_coverage",
    ),
)
"""Question, answer, and the endpoint of the page in the menu where one sees it."""

TERMS = (
    (N_("Human clicks"), N_("Clicks without a sign of a bot.")),
    (
        N_("Bot clicks"),
        N_(
            "Clicks of security scanners and other programs. No order is attributed to them by e-mail "
            "address alone."
        ),
    ),
    (N_("Recipients"), N_("The contacts to whom an e-mail was sent.")),
    (N_("Clickers"), N_("Different contacts with at least one human click.")),
    (N_("Buyers"), N_("Different contacts with at least one attributed order.")),
    (N_("Conversion rate"), N_("The share of recipients who bought.")),
    (N_("Gross revenue"), N_("The amounts of attributed orders, before refunds.")),
    (N_("Net revenue"), N_("Gross revenue minus refunds.")),
    (N_("Average order value"), N_("Net revenue divided by orders.")),
    (N_("Sales link"), N_("A link whose clicks can earn orders.")),
    (N_("Attribution window"), N_("The days after a click in which an order counts.")),
    (N_("Evidence"), N_("What connects an order with a click, such as the click token on the order.")),
    (N_("Confidence"), N_("How sure the evidence is. It is never completely certain.")),
    (N_("Likely"), N_("Attributed by weaker evidence, such as the same e-mail address.")),
    (N_("Not attributed"), N_("The order is not attributed to any click. The order's page says why.")),
    (N_("Random holdout"), N_("Contacts who were chosen at random and did not get the e-mail.")),
    (N_("Lift"), N_("What the e-mail caused: its recipients compared with the random holdout.")),
    (N_("Revenue per click"), N_("Net revenue divided by human clicks.")),
    (N_("Revenue per recipient"), N_("Net revenue divided by the e-mails sent.")),
    (N_("Click rate"), N_("Clickers divided by the e-mails sent.")),
    (N_("Click token"), N_("The click itself, encrypted. The shop stores it with the order.")),
    (N_("Pixel hit"), N_("A report of the pixel on the thank-you page. It adds evidence.")),
    (N_("Delivery"), N_("A message that the shop signed and sent, kept as it arrived.")),
    (N_("Merge tag"), N_("The text that your e-mail platform replaces with the contact's reference.")),
    (N_("Dynamic link"), N_("A link whose destination the e-mail platform fills in, as in a product feed.")),
    (N_("Flow"), N_("A series of automated e-mails that never ends, such as a welcome series.")),
    (N_("Closed month"), N_("A month whose figures no longer change.")),
    (N_("Opted out"), N_("A contact who is not tracked.")),
    (N_("Tracking health"), N_("Which orders of the shop arrived here, and how.")),
)
"""Term -> meaning."""


@blueprint.get("/help")
def show_help() -> Response:
    """The questions and the glossary, with links into the account that the reader came from."""
    accounts, asked = accounts_of_menu(), request.args.get("account", "")
    chosen = [one.emp_id for one in accounts if len(accounts) == 1 or str(one.emp_id) == asked]
    return page(
        "help.html",
        questions=[(question, answer, find_place(endpoint)) for question, answer, endpoint in QUESTIONS],
        terms=TERMS,
        emp_id=chosen[0] if chosen else None,
    )
