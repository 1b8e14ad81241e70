"""The warnings before an e-mail is sent, in sentences."""

from salepixel.mails.cautions import Caution, Risk, base_of, cautions_of
from salepixel.mails.tracking_host import host_problem
from salepixel.mails.view import MailView
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.services import tracking

_SENTENCES = {
    Risk.CLIPPED: N_(
        "Gmail hides the end of e-mails whose HTML has more than 102 kB. The HTML of this e-mail has "
        "%(before)s kB, and %(after)s kB with tracked links."
    ),
    Risk.NO_SALES_LINK: N_("No link is a sales link, so no orders can be attributed to this campaign."),
    Risk.REPEATED: N_(
        "Destinations with several links: %(number)s. Choose below whether the report shows them as one link."
    ),
    Risk.NOT_SECURE: N_("Destinations that are not encrypted, because they begin with http://: %(number)s"),
    Risk.MERGE_TAGS: N_(
        "Links that cannot be tracked, because their address contains a merge tag: %(number)s"
    ),
    Risk.TRACKED_ALREADY: N_(
        "Links that are already tracked, perhaps by an earlier campaign: %(number)s. They do not change."
    ),
    Risk.OLD_TOKENS: N_(
        "Addresses that contain the identifier of a recipient, because they were copied from a browser: "
        "%(number)s. Copy them again without it."
    ),
    Risk.HOST_LOCAL: N_(
        "Tracked links lead to %(host)s, which only this computer or network can open. Before you send, "
        "choose a tracking host under First steps."
    ),
    Risk.HOST_SILENT: N_(
        "The tracking host %(host)s does not answer this server: %(problem)s. Until it answers, the links of "
        "this e-mail do not work."
    ),
}

_PROBLEMS = [
    N_("it cannot be reached"),
    N_("it did not answer in time"),
    N_("its answer is too large"),
    N_("another server answers there"),
]
"""The texts of `outgoing.CallFailed` and of `host_problem`, marked for translation."""


def cautions_for(view: MailView) -> list[Caution]:
    """The risks for a mail. Asks its tracking host, so not in a transaction."""
    where = tracking()
    return cautions_of(view, where, host_problem(base_of(view, where)))


def say_caution(caution: Caution, language: Language) -> str:
    """A warning as a sentence."""
    words = {
        name: language.number(value) if isinstance(value, int) else language.text(value)
        for name, value in caution.words.items()
    }
    return language.text(_SENTENCES[caution.risk], **words)
