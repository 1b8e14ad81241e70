"""The first week of an owner again: on PostgreSQL, which larger shops use."""

from collections.abc import Iterator

import pytest

from kit.stack import Stack
from tests.browser.test_owner import shop_pages, test_the_first_week_of_an_owner
from tests.databases import new_postgresql_database

__all__ = ["shop_pages", "stack", "test_the_first_week_of_an_owner"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def stack(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # A database of its own, since other tests empty the shared one.
    with new_postgresql_database(postgresql, "owner") as address:
        settings = {"SALEPIXEL_DATABASE_URL": address}
        data = tmp_path_factory.mktemp("stack") / "data"
        with Stack(data, api_key="sp_test_of_the_week_of_an_owner", settings=settings) as running:
            yield running
