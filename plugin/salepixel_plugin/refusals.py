"""Responses to errors of use cases: a status for each kind, a sentence for each reason."""

from typing import Any

from salepixel.accounts.declined import (
    BadField,
    Conflict,
    Declined,
    Invalid,
    NotAllowed,
    NotFound,
    UnknownAccount,
)
from salepixel_plugin.access import Refusal
from salepixel_plugin.languages import N_

STATUS: dict[type[Declined], int] = {
    NotFound: 404,
    UnknownAccount: 404,
    NotAllowed: 403,
    Conflict: 409,
    Invalid: 422,
    BadField: 422,
}

SENTENCES = {
    "not_found": "This %(what)s does not exist, or your API key has no access to it.",
    "unknown_account": "There is no account %(emp_id)s. Create it with POST /accounts.",
    "not_allowed": "This needs a key with all rights, such as SALEPIXEL_API_KEY.",
    "read_only": N_("You may read this account, but not change it. Ask an owner of the account."),
    "for_owners": N_("Only owners of the account may do this."),
    "contacts_hidden": N_("Your role does not show contacts. Ask an owner of the account for another role."),
    "not_a_person": N_("An API key has no account of its own. Sign in with your e-mail address."),
    "already_member": N_("This person is a member already. Change the role in the list."),
    "not_invited": N_(
        "%(email)s is not invited to Salepixel. Ask an owner of your account for an invitation to this "
        "address."
    ),
    "email_not_verified": N_(
        "Your company's sign-in does not say that your e-mail address is verified. Ask your administrator."
    ),
    "other_identity": N_(
        "Another person here already signs in with a company account that has your e-mail "
        "address. Ask an owner of your account to remove that person from People and to invite "
        "you again."
    ),
    "no_password": N_("You have no password here: you sign in with your company account."),
    "email_taken": N_("Somebody has this e-mail address already. Sign in with it, or enter another one."),
    "last_owner": N_(
        "You cannot remove the last owner or change their role. Make somebody else an owner first."
    ),
    "wrong_password": N_("This is not your password."),
    "wrong_code": N_("This code is not valid. Enter the code that your app shows now."),
    "second_factor_on": N_("The second factor is on already."),
    "enrolment_damaged": N_("This form is no longer valid. Open the page again."),
    "other_account": "Your API key has no access to account %(emp_id)s. Use a key of that account.",
    "invalid": "Correct %(field)s: %(problem)s.",
    "taken": "Account %(emp_id)s already exists. Choose another empId.",
    "months_closed": "The currency cannot change: account %(emp_id)s has closed months in %(currency)s.",
    "chosen_once": "%(names)s cannot change, because account %(emp_id)s has sales and their totals would "
    "change.",
    "key_of_settings": "This is the key in %(setting)s. To revoke it, change that setting and restart "
    "salepixel.",
    "too_many_addresses": N_("An account has at most %(most)s addresses for alerts. Remove one first."),
    "address_erased": N_("This person was erased from the account, so nothing may be sent to this address."),
    "too_many_subscriptions": N_(
        "An account has at most %(most)s subscriptions to reports. End one of them first."
    ),
    "no_smtp": N_("This account has no e-mail settings yet."),
    "password_lost": N_("The password cannot be decrypted. Enter it again in the e-mail settings."),
    "shop_removed": "This shop was removed. Add it again with POST /shops.",
    "no_connection": "This shop has no app. Only a shop that is connected by an app can be changed.",
    "holdout_after_sending": N_(
        "The e-mail was sent, or a contact clicked in it, so the control group can no longer "
        "change: people who would be added to it may already have the e-mail."
    ),
    "campaign_over": N_(
        "The attribution window of this campaign has ended, so recipients can no longer be added."
    ),
    "too_many_computations": N_(
        "Computations of this account that are not finished: %(count)s. Try again when one of them is done."
    ),
    "part_of_another_flow": N_(
        "This campaign is already an e-mail of the flow %(flow)s. Remove it there first."
    ),
    "flow_too_many_parts": N_("A flow has at most %(most)s e-mails."),
    "erasure_can_continue": N_(
        "Only an erasure whose key is missing can be closed. This one continues, or can be retried."
    ),
    "mail_empty": N_("Paste the HTML or the text of your e-mail, or choose a file."),
    "mail_too_large": N_("This e-mail is larger than 3 MB. Remove attached pictures, and upload it again."),
    "mail_pdf": N_("This is a PDF. Export the e-mail as HTML from your e-mail platform."),
    "mail_zip": N_("This is a ZIP archive or an Office document. Unpack it, and upload the HTML file."),
    "mail_picture": N_("This is a picture. Export the e-mail as HTML from your e-mail platform."),
    "mail_office": N_("This is an Office document or an Outlook message. Save it as HTML or as .eml."),
    "mail_binary": N_("This file is neither HTML, nor text, nor an .eml message."),
    "mail_no_text": N_("This message has no HTML and no text."),
    "mail_damaged": N_(
        "A part of this message is damaged: its text does not have the encoding that it declares."
        " Export the e-mail again, as HTML or as .eml."
    ),
    "mail_signed": N_(
        "This message is signed or encrypted (S/MIME or PGP), so its links cannot be changed. Export the "
        "e-mail without signature and encryption."
    ),
    "mail_table": N_(
        "This is a table, such as a list of contacts, not an e-mail. Choose the HTML file of your e-mail."
    ),
    "mail_not_tracked": N_("This e-mail has no tracked links of your accounts."),
    "campaign_in_use": N_(
        "This campaign has clicks, orders, recipients or coupons, so it cannot be deleted. You can archive "
        "it."
    ),
    "mail_too_many_parts": N_(
        "This message has too many parts. Export the e-mail as HTML from your e-mail platform."
    ),
    "mail_too_many_links": N_("This e-mail has more than %(most)s links."),
    "mail_without_links": N_("Choose at least one link to track."),
    "mail_finished": N_(
        "The campaign of this e-mail exists already. Change its links on the campaign's page."
    ),
    "mail_is_draft": N_("This e-mail is a draft. Create its campaign first."),
    "list_empty": N_("This file is empty."),
    "list_pdf": N_("This is a PDF. Export the list from your e-mail platform as CSV."),
    "list_workbook": N_("This is an Excel workbook or a ZIP archive. Save the list as CSV."),
    "list_packed": N_("This file is compressed. Unpack it, and upload the CSV file."),
    "list_binary": N_("This file is not a list. Export the list from your e-mail platform as CSV."),
    "list_markup": N_("This is a web page or XML. Export the list from your e-mail platform as CSV."),
    "list_too_large": N_("This file is larger than %(most)s MB. Divide it into several files."),
    "list_without_reference": N_("Choose the column that has the contact reference."),
    "list_roles_twice": N_(
        "Choose each meaning for one column only, and choose consent or opt-out, not both."
    ),
    "list_gone": N_("The file of this list was deleted. Upload it again: importing a list twice is safe."),
    "list_not_imported": N_("This list was not imported yet."),
    "list_being_imported": N_("This list is being imported. Try again when that is done."),
    "policy_changed": "The settings have changed since. Preview your changes again.",
    "month_not_over": N_("%(month)s has not ended yet. Close it after its last day."),
    "orders_waiting": N_(
        "Orders of that period that are still being processed: %(waiting)s. Try again in a minute."
    ),
    "orders_failed": N_(
        "Orders of that period that could not be processed (%(count)s): %(orders)s. Retry them "
        "on the page of failed orders, or close the month without them."
    ),
}
"""Reason -> what is wrong and what to do. Texts that a page's form may show are marked for translation."""


def as_refusal(declined: Declined) -> Refusal:
    """The response to an error of a use case."""
    errors = {}
    if isinstance(declined, BadField):
        place = declined.field if declined.part is None else f"{declined.field}.{declined.part}"
        errors = {place: [declined.problem]}
    words: dict[str, Any] = declined.words
    return Refusal(STATUS[type(declined)], declined.reason, SENTENCES[declined.reason], errors, **words)
