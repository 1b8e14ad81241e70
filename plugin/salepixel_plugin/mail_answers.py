"""What became of an e-mail that salepixel sent, in one sentence for each reason."""

from salepixel_plugin.languages import N_

ANSWERS = {
    "sent": N_("The e-mail was sent."),
    "unknown_name": N_("There is no server with this name. Check the server's name for typing errors."),
    "connection_refused": N_("The server does not accept connections at this port. Check the port."),
    "forbidden_address": N_(
        "The server's address is in a private network, which the operator of salepixel has not allowed."
    ),
    "unreachable": N_("The server cannot be reached. Check its name and port."),
    "too_slow": N_(
        "The server did not answer in time. Check the port, and the encryption that belongs to it."
    ),
    "too_large": N_(
        "The server sent an answer that is too long for an e-mail server. Check its name and port."
    ),
    "not_smtp": N_("What answers at this address is not an e-mail server. Check its name and port."),
    "not_available": N_("The server accepts no e-mail at the moment. Try again later."),
    "bad_certificate": N_(
        "The server's certificate is not valid for its name. Enter the name that your e-mail provider gives."
    ),
    "bad_tls": N_("The encrypted connection failed. Check that the encryption belongs to the port."),
    "no_starttls": N_(
        "The server does not offer STARTTLS at this port. Choose TLS and port 465, or ask your provider."
    ),
    "no_login": N_("The server accepts no password at this port. Choose STARTTLS or TLS, or another port."),
    "wrong_password": N_(
        "The server refused the user and password. Some providers need a password that you create for "
        "programs."
    ),
    "needs_password": N_("The server needs a user and a password."),
    "sender_rejected": N_(
        "The server does not let you send from this sender address. Enter an address of your own mailbox or "
        "domain."
    ),
    "recipient_rejected": N_("The server refused the recipient's address. Check it for typing errors."),
    "message_rejected": N_("The server refused the e-mail."),
    "not_supported": N_("The server does not accept addresses with accents, or does not let users sign in."),
    "try_later": N_("The server asked to try again later."),
    "connection_lost": N_(
        "The server ended the connection. Check the port, and the encryption that belongs to it."
    ),
    "no_smtp": N_("This account has no e-mail settings yet."),
    "password_lost": N_("The password cannot be decrypted. Enter it again in the e-mail settings."),
}
"""Reason of salepixel/smtp/send.py -> the sentence."""
