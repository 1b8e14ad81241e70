"""E-mail platforms: their merge tags, and how they treat links."""

from typing import Any

from pydantic import Field

from salepixel.mailers.known import PLATFORMS
from salepixel.mailers.platform import Evidence, Rewrites, TestMail
from salepixel_plugin.api.blueprint import Output, blueprint

_NAMES = "By the names in its English interface; empty: not known."


class SourceOut(Output):
    """Where a fact is from."""

    fact: str
    page: str
    evidence: Evidence
    read_on: str = Field(description="The date.")


class MailerOut(Output):
    """An e-mail platform."""

    mailer: str = Field(description="Its name in `POST /campaigns` and `POST /mails`.")
    name: str
    contact_tag: str | None = Field(description="Null: send the tag of your own field in `contact_tag`.")
    address_tag: str = Field(description="The tag for the address of a product; empty: not known.")
    field_for_reference: str
    rewrites: Rewrites = Field(description="Whether it puts links of its own around yours.")
    off_for_link: str = Field(description="The attribute that stops its own tracking of a link.")
    off_for_mail: str = Field(description=f"The setting that stops its own tracking. {_NAMES}")
    appends: list[str] = Field(description="Parameters that it may append to links.")
    unfilled: list[str] = Field(description="References that it uses if it does not fill the tag.")
    test_mail: TestMail = Field(description="What a test e-mail has in place of the tag.")
    paste: str = Field(description=f"Where the HTML of an e-mail goes. {_NAMES}")
    unverified: list[str] = Field(description="Fields without documentation by the vendor.")
    sources: list[SourceOut]


class MailersOut(Output):
    """All e-mail platforms."""

    mailers: list[MailerOut]


@blueprint.get("/mailers")
@blueprint.output(MailersOut)
@blueprint.doc(security="bearer")
def list_mailers() -> dict[str, Any]:
    """The e-mail platforms: merge tags, link tracking, test e-mails, with the source of each fact."""
    return {
        "mailers": [
            {
                "mailer": one.key,
                "name": one.name,
                "contact_tag": one.contact_tag,
                "address_tag": one.address_tag,
                "field_for_reference": one.field_for_reference,
                "rewrites": one.rewrites,
                "off_for_link": one.off_for_link,
                "off_for_mail": one.off_for_mail,
                "appends": one.appends,
                "unfilled": one.unfilled,
                "test_mail": one.test_mail,
                "paste": one.paste,
                "unverified": sorted(one.unverified),
                "sources": [
                    {
                        "fact": source.fact,
                        "page": source.page,
                        "evidence": source.evidence,
                        "read_on": source.read_on.isoformat(),
                    }
                    for source in one.sources
                ],
            }
            for one in PLATFORMS.values()
        ]
    }
