"""Another platform. Its forms are those of platforms without a file: Salesforce, Sailthru, Adobe, Jinja."""

from salepixel.mailers.forms import (
    AMPSCRIPT_BLOCK,
    AMPSCRIPT_VALUE,
    ANGLES,
    BRACE_COMMENT,
    ONE_BRACE,
    ONE_SQUARE,
    TWO_PERCENTS,
)
from salepixel.mailers.platform import Platform

PLATFORM = Platform(
    key="other",
    name="Another platform",
    contact_tag=None,
    forms=(
        AMPSCRIPT_BLOCK,
        AMPSCRIPT_VALUE,
        ANGLES,
        BRACE_COMMENT,
        TWO_PERCENTS,
        ONE_BRACE,
        ONE_SQUARE,
    ),
    unverified=frozenset({"contact_tag", "test_mail", "rewrites", "off_for_mail", "appends", "paste"}),
)
