"""Acumbamail. We found no public documentation of its merge tags."""

from salepixel.mailers.forms import STARS
from salepixel.mailers.platform import Platform

PLATFORM = Platform(
    key="acumbamail",
    name="Acumbamail",
    contact_tag=None,
    forms=(STARS,),
    unverified=frozenset(
        {
            "contact_tag",
            "forms",
            "field_for_reference",
            "test_mail",
            "rewrites",
            "off_for_mail",
            "appends",
            "paste",
        }
    ),
)
