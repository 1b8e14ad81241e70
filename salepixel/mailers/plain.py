"""No e-mail platform: people replace {contact} themselves."""

from salepixel.mailers.forms import OUR_CONTACT
from salepixel.mailers.platform import Platform, Rewrites, TestMail

PLATFORM = Platform(
    key="plain",
    name="None",
    contact_tag="{contact}",
    forms=(OUR_CONTACT,),
    test_mail=TestMail.RAW,
    rewrites=Rewrites.ON_REQUEST,
)
