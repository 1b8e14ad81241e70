"""listmonk. It tracks only links that are written with TrackLink, and stores a row for each different one."""

from salepixel.mailers.forms import BRACES
from salepixel.mailers.platform import Platform, Rewrites, TestMail, code, vendor

PLATFORM = Platform(
    key="listmonk",
    name="listmonk",
    contact_tag="{{ .Subscriber.UUID }}",
    forms=(BRACES,),
    unfilled=("00000000-0000-0000-0000-000000000000",),
    test_mail=TestMail.FILLED,
    rewrites=Rewrites.ON_REQUEST,
    paste="Campaigns › New › Format: Raw HTML › Content",
    sources=(
        vendor(
            "{{ .Subscriber.UUID }}; a link is tracked by TrackLink or a final @TrackLink.",
            "https://listmonk.app/docs/templating",
        ),
        code("A preview has the UUID of zeros.", "knadh/listmonk: cmd/subscribers.go, dummyUUID"),
    ),
    unverified=frozenset({"test_mail", "paste"}),
)
