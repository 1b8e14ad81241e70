"""Every table and column is looked at: does it hold something of a person, and what ends it?"""

from salepixel.privacy.holdings import HOLDINGS, WITHOUT_PERSON
from salepixel.storage.schema import metadata


def test_every_table_and_column_is_classified() -> None:
    listed = {name: {*one.personal.split(), *one.kept.split()} for name, one in HOLDINGS.items()}
    listed |= {name: set(columns.split()) for name, columns in WITHOUT_PERSON.items()}
    assert HOLDINGS.keys().isdisjoint(WITHOUT_PERSON)
    assert listed == {table.name: set(table.c.keys()) for table in metadata.sorted_tables}, (
        "Does the new column hold something of a contact or a buyer? List it in "
        "salepixel/privacy/holdings.py, and if it does, have erase.py end it."
    )


def test_a_column_has_one_fate() -> None:
    for name, one in HOLDINGS.items():
        assert set(one.personal.split()).isdisjoint(one.kept.split()), name
