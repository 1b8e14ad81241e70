"""Keila. Its preview has the contact c_id."""

from salepixel.mailers.forms import BRACE_BLOCK, BRACES
from salepixel.mailers.platform import Platform, Rewrites, TestMail, code

_BUILDER = "pentacent/keila: lib/keila/mailings/builder.ex"

PLATFORM = Platform(
    key="keila",
    name="Keila",
    contact_tag="{{ contact.id }}",
    forms=(BRACES, BRACE_BLOCK),
    unfilled=("c_id",),
    test_mail=TestMail.INVENTED,
    rewrites=Rewrites.UNLESS_OFF,
    off_for_mail="Campaign › Settings › Do not track",
    paste="Campaigns › Create › Editor: MJML or Markdown",
    sources=(
        code("{{ contact.id }} in Liquid; a preview has the contact c_id.", _BUILDER),
        code("It rewrites every https or http link unless the campaign has do_not_track.", _BUILDER),
    ),
    unverified=frozenset({"off_for_mail", "paste"}),
)
