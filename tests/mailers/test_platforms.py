"""Every platform has the same shape, and says what is not confirmed."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from salepixel.mailers import known
from salepixel.mailers.known import PLATFORMS
from salepixel.mailers.platform import Evidence, Platform, Rewrites, TestMail
from salepixel.mailers.tags import UNFILLED

FOLDER = Path(known.__file__).parent
SHARED = {"__init__", "contact_tag", "forms", "known", "platform", "tags"}
NAMES = {one.name for one in fields(Platform)}
EVERY = pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)


def test_every_file_of_a_platform_is_in_the_list() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - SHARED == set(PLATFORMS)


@EVERY
def test_what_is_not_confirmed_is_named(platform: Platform) -> None:
    assert platform.unverified <= NAMES
    if platform.key == "plain":
        return
    assert platform.sources or "contact_tag" in platform.unverified
    if platform.rewrites is Rewrites.UNKNOWN:
        assert "rewrites" in platform.unverified
    if platform.test_mail is TestMail.UNKNOWN:
        assert "test_mail" in platform.unverified


@EVERY
def test_a_source_has_a_page_and_a_date(platform: Platform) -> None:
    assert all(one.fact.endswith(".") and one.page and one.read_on.year >= 2026 for one in platform.sources)
    if "contact_tag" not in platform.unverified and platform.contact_tag and platform.key != "plain":
        assert any(one.evidence is not Evidence.OTHERS for one in platform.sources)


@EVERY
def test_a_platform_without_a_tag_names_the_field_that_has_the_reference(platform: Platform) -> None:
    if platform.contact_tag is None and "field_for_reference" not in platform.unverified:
        assert platform.field_for_reference or platform.key == "other"


@EVERY
def test_the_tag_of_a_platform_is_written_in_one_of_its_forms(platform: Platform) -> None:
    tag = platform.contact_tag
    assert tag is None or any(tag.startswith(f.opening) and tag.endswith(f.closing) for f in platform.forms)


def test_a_value_that_stands_for_no_contact_is_no_address_and_short() -> None:
    assert {"__test_email__", "c_id", "0", "00000000-0000-0000-0000-000000000000"} == UNFILLED


def test_the_edge_needs_nothing_more_for_the_platforms() -> None:
    program = (
        "import sys; import re, dataclasses, enum, datetime, urllib.parse; before = set(sys.modules);"
        "import salepixel.mailers.tags; print(sorted(m for m in set(sys.modules) - before"
        " if not m.startswith('salepixel') and m not in ('collections.abc', '_strptime')))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
