"""Merge tags: what each mailer replaces by the contact's reference when it sends.

A tag is written into the link literally, as the last query parameter: a mailer looks for exactly these
characters, and url-encoding would hide them. `None`: the mailer has no public tag for it, so the request
must give one in `contact_tag`.
"""

import re

TAGS: dict[str, str | None] = {
    "plain": "{contact}",  # for people who replace it themselves
    "listmonk": "{{ .Subscriber.UUID }}",  # its documentation, Templating
    "mautic": "{contactfield=id}",  # its documentation, Tokens
    "mailchimp": "*|UNIQID|*",  # from third parties; send yourself a test first
    "brevo": "{{ contact.RC_ID }}",  # an attribute of one's own; not every list shows Brevo's ids
    "klaviyo": "{{ person.KlaviyoID }}",  # from third parties; `person.id` may be empty
    "activecampaign": "%SUBSCRIBERID%",  # from third parties; send yourself a test first
    "keila": "{{ contact.id }}",  # its source, Liquid variables
    "hubspot": "{{ contact.hs_object_id }}",  # from third parties; send yourself a test first
    "mdirector": None,  # not public; its field "Referencia" suits
    "acumbamail": None,
    "mailerlite": None,  # a field of one's own
    "sendgrid": None,  # a substitution or Handlebars key of one's own
    "ses": None,  # any key of TemplateData
    "other": None,
}

_UNSAFE = re.compile(r"[&#\"'<>\\]|%[0-9A-Fa-f]{2}")


class BadTag(ValueError):
    """A mailer or a merge tag that cannot be used; `field` names it, the message says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def contact_tag(mailer: str, given: str | None) -> str:
    """The tag for a mailer: the one that is given, else the mailer's own. Raises BadTag."""
    if mailer not in TAGS:
        raise BadTag("mailer", f"must be one of {', '.join(TAGS)}; with `other`, send your own `contact_tag`")
    tag = given or TAGS[mailer]
    if tag is None:
        raise BadTag(
            "contact_tag", f"is required: {mailer} has no documented merge tag for a contact's reference"
        )
    # %CA in "%CAMPAIGNID%" is an encoded byte to everything that reads the link before the mailer does.
    if not tag.isascii() or _UNSAFE.search(tag):
        raise BadTag(
            "contact_tag", "must be ASCII, without & # \" ' < > \\ and without % followed by two hex digits"
        )
    return tag
