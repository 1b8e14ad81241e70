"""Names that people type in more than one way: campaigns in addresses, voucher codes."""

import unicodedata


def name_key(name: str) -> str:
    """How a name is compared: letter case, Unicode form and white space around it do not matter.

    NFKC before and after (Unicode TR 15), for a letter may come apart in upper case. Shops take codes in any
    case, and mailers, link builders and people write `utm_campaign` in their own.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).upper()).strip()
