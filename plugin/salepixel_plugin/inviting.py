"""Invites somebody, for page and API: with SMTP settings, the link goes to the invited address only."""

from dataclasses import dataclass
from datetime import UTC, datetime

from salepixel.accounts.principal import Rights
from salepixel.accounts.store import get_account
from salepixel.people import use_cases
from salepixel.people.command import link_of
from salepixel.people.invitations import Invitation
from salepixel.smtp.send import SENT
from salepixel.smtp.server import Answer, Server
from salepixel.smtp.store import server_of
from salepixel_plugin.access import Refusal, principal
from salepixel_plugin.languages import N_, Language
from salepixel_plugin.mail_answers import ANSWERS
from salepixel_plugin.mail_now import send_now
from salepixel_plugin.services import services, writing

_SUBJECT = N_("Invitation to Salepixel (%(account)s)")
_TEXT = N_(
    "You are invited to the reports of %(account)s in Salepixel. Open this link to accept:\n\n%(link)s\n\n"
    "It works once, for seven days. If you do not expect this invitation, you need not do anything."
)
_ALL = N_("All accounts")
_NOT_SENT = N_("Nobody was invited, because the e-mail could not be sent. %(why)s")


@dataclass(frozen=True, slots=True)
class Invited:
    """An open invitation. `link`: empty if it was sent to the invited address, and nobody else sees it."""

    invitation: Invitation
    link: str


def invite(emp_id: int, email: str, rights: Rights, language: Language) -> Invited:
    """Invite somebody to an account, or to EVERYWHERE.

    Raises Declined, or a Refusal if there are SMTP settings and the e-mail cannot be sent: then the link does
    not exist, and an earlier invitation of the same person stays valid.
    """
    here, now = services(), datetime.now(UTC)
    with writing() as connection:
        server = server_of(connection, here.keys, emp_id, here.smtp)
        made, secret = use_cases.invite(
            connection, principal(), emp_id, email, rights, now, replaces=server == "no_smtp"
        )
        account = get_account(connection, emp_id)
    link = link_of(here.settings.plugin_url, secret)
    if server == "no_smtp":
        return Invited(made, link)
    sent = False
    try:
        name = f"{account.name} {account.emp_id}" if account else language.text(_ALL)
        answer = _send(server, made, language, account=name, link=link)
        sent = answer.reason == SENT
    finally:
        if not sent:
            with writing() as connection:
                use_cases.withdraw_invitation(connection, principal(), made.id)
    if not sent:
        why = language.text(ANSWERS[answer.reason])
        raise Refusal(409, "invitation_not_sent", _NOT_SENT, why=why)
    with writing() as connection:
        for other in use_cases.see_members(connection, principal(), emp_id, now).invitations:
            if other.email == made.email and other.id != made.id:
                use_cases.withdraw_invitation(connection, principal(), other.id)
    return Invited(made, "")


def _send(server: Server | str, made: Invitation, language: Language, **words: str) -> Answer:
    if isinstance(server, str):
        return Answer(server)
    subject, text = (language.text(one, **words) for one in (_SUBJECT, _TEXT))
    return send_now(server, made.emp_id, made.email, subject, text)
