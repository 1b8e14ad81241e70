"""Every query and subscription is valid in Saleor's schema, from the oldest version to the newest.

The schemas are those of the tags of saleor/saleor, cut down by tests/data/saleor_schemas/reduce.py.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from graphql.validation import NoDeprecatedCustomRule

from kit.saleor import StandInSaleor
from salepixel.shops.contract import open_access
from salepixel.shops.saleor import api as saleor_api
from salepixel.shops.saleor import connector as saleor
from salepixel_plugin.saleor.manifest import build_manifest
from tests.make import NOON
from tests.plugin.saleor import captures
from tests.plugin.saleor.conftest import Plugin

FOLDER = Path(__file__).parents[2] / "data" / "saleor_schemas"
VERSIONS = sorted(path.stem for path in FOLDER.glob("*.graphql"))


def schema_of(version: str) -> GraphQLSchema:
    return build_schema((FOLDER / f"{version}.graphql").read_text(), assume_valid_sdl=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_query_is_valid_in_the_schema(plugin: Plugin, installed: StandInSaleor, version: str) -> None:
    access = open_access(plugin.keys, plugin.shop(installed.api_url))
    installed.version, since = version, NOON - timedelta(days=1)
    broken = installed.order("1", [], created=NOON - timedelta(hours=1))
    installed.keep(broken)
    installed.broken = {broken["id"]}  # so that its number alone is asked for, too
    for pages in (
        saleor.changed_orders(access, since, NOON, captures.hash_address),
        saleor.named_orders(access, ["T3JkZXI6MQ=="], NOON, captures.hash_address),
    ):
        assert list(pages)
    saleor.count_orders(access, [since.date(), NOON.date()])
    manifest = build_manifest(plugin.url, saleor_api.read_version(version))
    questions = [*installed.asked, *(webhook["query"] for webhook in manifest["webhooks"])]
    schema = schema_of(version)
    assert any("app{id permissions" in question for question in questions), "the registration's"
    assert any("node { id number }" in question for question in questions)
    assert len({question.partition("{")[0] for question in questions}) >= 3
    for question in questions:
        assert validate(schema, parse(question)) == []
        if saleor_api.read_version(version) >= (3, 22):
            assert validate(schema, parse(question), [NoDeprecatedCustomRule]) == []


def test_there_is_a_schema_for_every_supported_minor_version() -> None:
    minors = {saleor_api.read_version(version) for version in VERSIONS}
    assert minors == {(3, minor) for minor in range(saleor_api.OLDEST[1], 25)}


@pytest.mark.parametrize(
    ("version", "has", "lacks"),
    [
        ("3.14", ["grantedRefunds", "payments"], ["voucherCode", "fulfillments", "shippingCostsIncluded"]),
        ("3.15", ["shippingCostsIncluded"], ["voucherCode", "fulfillments", "{ status amount"]),
        ("3.18", ["voucherCode", "fulfillments"], ["{ status amount"]),
        ("3.20", ["{ status amount", "payments"], []),
        ("3.22", ["{ status amount", "original"], ["payments"]),
        ("3.24", ["{ status amount", "fulfillments"], ["payments"]),
    ],
)
def test_queries_use_only_fields_of_the_shops_version(version: str, has: list[str], lacks: list[str]) -> None:
    fields = saleor_api.order_fields(saleor_api.read_version(version))
    assert [name for name in has if name not in fields] == []
    assert [name for name in lacks if name in fields] == []
    assert fields.count("grantedRefunds") == 1
    assert "#" not in fields
    # Empty in old orders though the schema says that it cannot be: it makes the whole order null.
    assert "origin " not in fields
