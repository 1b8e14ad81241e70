"""Help: questions that owners of shops ask, and a glossary. docs/reference/glossary.md has the same texts."""

from flask import Response

from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, page

QUESTIONS = (
    (
        N_("Why is an order of my shop not in a campaign?"),
        N_(
            "Search the order on the page Orders: its page says why it was not attributed. The most frequent "
            "reasons are that nobody clicked before the order, that the click is outside the attribution "
            "window, or that the link is not a sales link."
        ),
    ),
    (
        N_("Is a sale lost if the buyer never sees the thank-you page?"),
        N_(
            "No. The shop reports its orders itself, and Salepixel also asks the shop for orders that did "
            "not arrive. The pixel on the thank-you page only adds evidence."
        ),
    ),
    (
        N_("Why are there fewer clicks than in my e-mail platform?"),
        N_(
            "Security scanners open the links of an e-mail before a person reads it. Salepixel stores these "
            "clicks, too, but shows them as bot clicks, apart from human clicks."
        ),
    ),
    (
        N_("Can an order count twice?"),
        N_(
            "No. An order counts once, even if the shop, the pixel and the API report it several times. If "
            "several clicks share an order, their shares add up to the order."
        ),
    ),
    (
        N_("What happens to revenue when a buyer sends something back?"),
        N_(
            "A refund lowers the net revenue of the sale that it belongs to. After a month is closed, its "
            "figures stay, and later refunds are shown beside them."
        ),
    ),
    (
        N_("Does the report claim too much for e-mail?"),
        N_(
            "An open never earns an order, a bot never does, and by default only the last click before the "
            "order does. Clicks show what came before an order, not what caused it: to measure that, use a "
            "random holdout."
        ),
    ),
    (
        N_("What if the browser blocks cookies?"),
        N_(
            "The click also travels in the address of the page, so that the shop can store it with the "
            "order. Orders without it are matched by the buyer's e-mail address or a coupon code, with a "
            "lower confidence."
        ),
    ),
    (
        N_("Why are the amounts of two currencies not added up?"),
        N_(
            "Their sum would mean nothing. Where you see a converted total, each sale is converted at the "
            "European Central Bank's reference rate of its day."
        ),
    ),
    (
        N_("Can a report of last year still change?"),
        N_(
            "Not after its month is closed. Before that, new attribution settings change it, and a preview "
            "shows every order that would move."
        ),
    ),
    (
        N_("Are contacts tracked who do not want it?"),
        N_(
            "No. Contacts who opted out, and visitors whose browser sends Global Privacy Control, are not "
            "tracked: their clicks have no contact, no cookie and no token."
        ),
    ),
)
"""Question -> answer."""

TERMS = (
    (N_("Human clicks"), N_("Clicks without a sign of a bot.")),
    (N_("Bot clicks"), N_("Clicks of security scanners and other programs. They never earn an order.")),
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
    (N_("Confidence"), N_("How sure the evidence is. It never reaches certainty.")),
    (N_("Likely"), N_("Attributed by weaker evidence, such as the same e-mail address.")),
    (N_("Not attributed"), N_("No click earns the order. Its page says why.")),
    (N_("Random holdout"), N_("Contacts who were chosen at random and did not get the e-mail.")),
    (N_("Lift"), N_("What the e-mail caused: its recipients compared with the random holdout.")),
    (N_("Tracking health"), N_("Which orders of the shop arrived here, and how.")),
)
"""Term -> meaning."""


@blueprint.get("/help")
def show_help() -> Response:
    """The questions and the glossary."""
    return page("help.html", questions=QUESTIONS, terms=TERMS)
