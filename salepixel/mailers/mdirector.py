"""MDirector. Its merge tags are not public. Its transition links go around ours and set its own cookie."""

from salepixel.mailers.platform import Platform, Rewrites, vendor

_PIXEL = "https://mdirector.zendesk.com/hc/en-us/articles/12129697172636-Sales-Pixel"

PLATFORM = Platform(
    key="mdirector",
    name="MDirector",
    contact_tag=None,
    field_for_reference="Referencia",
    rewrites=Rewrites.UNLESS_OFF,
    off_for_mail="Step 3. Design › Links › Sales pixel",
    appends=("envId", "camId"),
    paste="Campaigns › New campaign › Step 3. Design › HTML",
    sources=(
        vendor("Contacts pass through a transition link, which sets a cookie.", _PIXEL),
        vendor("Each link is activated as a sales pixel in Step 3. Design, tab Links.", _PIXEL),
    ),
    unverified=frozenset({"contact_tag", "field_for_reference", "test_mail", "rewrites", "appends", "paste"}),
)
