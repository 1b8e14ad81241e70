"""Marks texts for people, whose translations are in plugin/salepixel_plugin/translations."""


def N_(message: str) -> str:  # noqa: N802  # gettext tools extract calls of N_
    """Mark a text for translation. It is translated where it is shown."""
    return message
