"""The ways to write merge tags and other expressions of template languages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a merge tag. `name`: the pattern of what is between its marks; empty: any text.

    A form with any text is an expression: a mail may have it anywhere, with quotes and brackets inside.
    `in_address` and `as_reference`: the patterns for a tag in an address and for a whole reference, if they
    are not the marks with the name between them. `only_whole`: a tag only if it is the whole address of a
    link, because such text also occurs inside real addresses.
    """

    opening: str
    closing: str
    name: str = ""
    in_address: str = ""
    as_reference: str = ""
    only_whole: bool = False


BRACES = Form("{{", "}}")  # Handlebars, Liquid, Jinja, Go templates
BRACE_BLOCK = Form("{%", "%}")  # Liquid and Jinja
BRACE_COMMENT = Form("{#", "#}")  # Jinja
STARS = Form("*|", "|*")
SQUARES = Form("[[", "]]")
SQUARE_BLOCK = Form("[%", "%]")
AMPSCRIPT_BLOCK = Form("%%[", "]%%")  # Salesforce Marketing Cloud
AMPSCRIPT_VALUE = Form("%%=", "=%%")
ANGLES = Form("<%", "%>")  # ERB, Adobe Campaign

TWO_PERCENTS = Form("%%", "%%", r"[^%\s]{1,200}")
ONE_PERCENT = Form(
    "%",
    "%",
    r"[A-Z_][A-Z0-9_]{1,199}",
    # "%CA" in "%CAMPAIGNID%" can be an encoded byte: it is a tag if it is the whole value of a parameter.
    in_address=r"%(?![0-9A-F]{2})[A-Z_][A-Z0-9_]{1,199}%|(?<==)%[A-Z_][A-Z0-9_]{1,199}%(?=[&#]|$)",
    as_reference=r"^%[A-Z_]+%$",
)
DOLLAR = Form("{$", "}", r"[^{}]{1,200}")
CONTACT_FIELD = Form("{contactfield", "}", r"=[^{}]{0,200}")
OUR_CONTACT = Form("{", "}", "contact", as_reference=r"\{contact\}")
ONE_BRACE = Form("{", "}", r"[a-z_]+(?:=[^}]*)?", only_whole=True)
ONE_SQUARE = Form("[", "]", r"[a-z_-]+", only_whole=True)
