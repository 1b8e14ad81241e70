"""What cannot be undone needs a second press: a button in a part to open first, or a box to tick."""

import re
from pathlib import Path

import pytest

import salepixel_plugin.pages

TEMPLATES = Path(salepixel_plugin.pages.__file__).parent / "templates/pages"
BUTTONS = [
    (template.name, button.start(), button[0])
    for template in sorted(TEMPLATES.glob("*.html"))
    for button in re.finditer("<button[^>]*>", template.read_text())
]
RED = [(template, at) for template, at, button in BUTTONS if 'class="danger"' in button]
ONE_PRESS = {
    "list.html": "nothing was imported: the same file can be uploaded again",
    "list_imported.html": "the file alone: its contacts are stored",
}
"""Templates with a button that deletes at one press, each with the reason."""


@pytest.mark.parametrize(("template", "at"), RED)
def test_a_red_button_needs_a_second_press(template: str, at: int) -> None:
    before = (TEMPLATES / template).read_text()[:at]
    in_sure = before.count("call sure(") > before.count("endcall")
    in_details = before.count("<details") > before.count("</details")
    ticked = 'name="sure" required' in before.rpartition("<form")[2]
    assert in_sure or in_details or ticked


def test_a_form_that_removes_what_is_stored_has_a_red_button() -> None:
    forms = [
        form
        for template in TEMPLATES.glob("*.html")
        for form in re.findall("<form.*?</form>", template.read_text(), re.DOTALL)
        if "url_for('pages.remove_" in form
    ]
    assert len(forms) >= 2
    for form in forms:
        assert 'class="danger"' in form


def test_a_button_that_deletes_is_red() -> None:
    deleting = [(template, one) for template, _, one in BUTTONS if re.search('value="(delete|remove)"', one)]
    assert {template for template, one in deleting if 'class="danger"' not in one} == ONE_PRESS.keys()
    assert len(deleting) > len(ONE_PRESS)
