"""How to use an e-mail platform with tracked links: a page for each, made from what we know about it."""

from flask import Response, request

from salepixel.accounts.declined import NotFound
from salepixel.mailers.known import PLATFORMS
from salepixel.mailers.platform import Platform, Rewrites, TestMail
from salepixel_plugin.access import principal
from salepixel_plugin.languages import N_
from salepixel_plugin.pages.blueprint import blueprint, page

OWN_NAMES = {"plain": N_("None: you replace {contact} yourself"), "other": N_("Another platform")}
"""Names that are translated; the others are names of products."""

NAMES = {key: OWN_NAMES.get(key, one.name) for key, one in PLATFORMS.items()}
"""The e-mail platforms as forms list them."""

REWRITES = {
    Rewrites.ALWAYS: N_(
        "This platform wraps each link in its own tracked link, and we know no way to switch "
        "that off. Both count each click. Nothing is lost: the contact and the parameters of the "
        "platform arrive."
    ),
    Rewrites.UNLESS_OFF: N_(
        "This platform wraps each link in its own tracked link. Switch that off if you can: "
        "visitors arrive sooner, without a second redirect. If it stays on, both count each click, and "
        "nothing is lost."
    ),
    Rewrites.ON_REQUEST: N_(
        "This platform changes no link unless you switch its link tracking on. Leave it off."
    ),
    Rewrites.UNKNOWN: N_(
        "We do not know whether this platform wraps each link in its own tracked link. Look at "
        "a link in an e-mail to yourself: if it does not begin with your tracking host, look for a "
        "setting called link tracking or click tracking, and switch it off."
    ),
}

TEST_MAILS = {
    TestMail.FILLED: N_("A test e-mail has the reference of a real contact. Click a link in it to check."),
    TestMail.INVENTED: N_(
        "A test e-mail contains no real contact, so its clicks count as bot clicks. To check, "
        "send the e-mail to a list that contains only you, and click a link."
    ),
    TestMail.RAW: N_(
        "In a test e-mail, the merge tag is not replaced, so its clicks count as bot clicks. To "
        "check, send the e-mail to a list that contains only you, and click a link."
    ),
    TestMail.UNKNOWN: N_(
        "We do not know what a test e-mail contains in place of the merge tag. To check, send the"
        " e-mail to a list that contains only you, and click a link."
    ),
}

FIELDS = {
    "contact_tag": N_("merge tag"),
    "address_tag": N_("tag of a product's address"),
    "field_for_reference": N_("field for the reference"),
    "rewrites": N_("whether it changes links"),
    "off_for_mail": N_("the setting"),
    "off_for_link": N_("the attribute"),
    "appends": N_("what it appends"),
    "test_mail": N_("test e-mails"),
    "paste": N_("where to paste"),
}
"""Names of facts, for the list of those that are not confirmed."""


@blueprint.get("/platforms/<mailer>")
def show_platform(mailer: str) -> Response:
    """How to use an e-mail platform, with the menu of the `account` in the query. Raises NotFound."""
    platform = PLATFORMS.get(mailer)
    if platform is None:
        raise NotFound("platform")
    asked = request.args.get("account", "")
    emp_id = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 11 else 0
    if not principal().allows(emp_id):
        emp_id = principal().only_account or 0
    texts = texts_of(platform)
    return page("platform.html", emp_id=emp_id or None, platform=platform, name=NAMES[mailer], **texts)


def texts_of(platform: Platform) -> dict[str, object]:
    """The untranslated texts about a platform, for a template."""
    return {
        "rewrites": REWRITES[platform.rewrites],
        "test_mail": TEST_MAILS[platform.test_mail],
        "unconfirmed": [text for field, text in FIELDS.items() if field in platform.unverified],
    }
