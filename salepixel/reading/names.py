"""Names with several spellings: campaigns in addresses, voucher codes."""

import unicodedata


def name_key(name: str) -> str:
    """The form for comparing names: letter case, Unicode form and outer white space do not matter.

    NFKC before and after (Unicode TR 15), because upper case can decompose a letter. Shops accept codes in
    any case; e-mail platforms, link builders and people write `utm_campaign` differently.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).upper()).strip()
