"""The bench of growth measures what the product writes, and all of its pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench.copies import OTHER, copy_world, differing
from bench.growth import Measured, as_json, lines
from bench.pages import Place, all_calls
from bench.world import EMP, World
from salepixel.keys import Keys
from salepixel.storage.database import Database
from salepixel.storage.schema import orders, sales
from salepixel_plugin.app import make_routes
from salepixel_worker.rebuild import verify_all
from tests.databases import copy_template
from tests.make import NOON


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[World]:
    database = copy_template(sqlite_template, tmp_path_factory.mktemp("world"))
    made = World(database, keys, campaigns=4, clicks_per_order=10)
    made.add(400)
    yield made
    database.close()


def count(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_what_is_filled_in_is_what_the_product_decides(world: World) -> None:
    assert count(world.database, orders) == world.orders > 20
    assert verify_all(world.database, world.sealer).different == []


def test_copies_are_what_the_product_would_have_written(world: World) -> None:
    before = count(world.database, orders), count(world.database, sales)
    copy_world(world, 6)
    assert (count(world.database, orders), count(world.database, sales)) == (6 * before[0], 6 * before[1])
    assert verify_all(world.database, world.sealer).different == differing(world) == []
    with world.database.read() as connection:
        assert set(connection.scalars(sa.select(sales.c.emp_id).distinct())) == {EMP, OTHER}


def test_an_endpoint_that_is_not_known_is_named() -> None:
    app = make_routes()
    place = Place("0123456789ab", NOON, "cursor")
    assert {call.method for call in all_calls(app, place)} == {"GET", "POST", "PUT", "PATCH", "DELETE"}
    app.add_url_rule("/new/<what>", "pages.new", lambda what: what)
    with pytest.raises(LookupError, match=r"what of /new/<what> \(pages\.new\)"):
        all_calls(app, place)


def test_the_curve_has_ratios_of_the_largest_size_to_100_k() -> None:
    def measured(size: int, reconcile: float) -> Measured:
        costs = {
            "reconcile, ms": reconcile,
            **{f"{kind}, us": 10.0 for kind in ("rows alone", "fold", "fold with a recent order", "settle")},
            "orders/s of one worker": 500.0,
            "orders/s of two workers": 850.0,
        }
        return Measured(size, costs, {"pages.overview": 5.0}, {"pages.overview": 7.0})

    result = as_json([measured(10_000, 0.9), measured(100_000, 1.0), measured(10_000_000, 1.2)], {})
    assert result["reconcile_ratio_100k_10m"] == 1.2
    assert result["two_workers_to_one"] == 1.7
    assert result["pages"] == {"pages.overview": {"10000": 5.0, "100000": 5.0, "10000000": 5.0}}
    assert "| pages.overview, ms | 5.0 | 5.0 | 5.0 |" in lines("sqlite", result)
    smaller = as_json([measured(10_000, 0.8), measured(100_000, 1.0)], {})
    assert smaller["reconcile_ratio_10k_100k"] == 1.25
    assert not [name for name in as_json([measured(10_000, 0.8)], {}) if "_ratio_" in name]
