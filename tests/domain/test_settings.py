"""Settings are read in one place, refused all at once, and each is in the reference."""

from dataclasses import fields
from pathlib import Path

import pytest

from salepixel.settings import PREFIX, BadSettings, EdgeSettings, PluginSettings, Settings, WorkerSettings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        EdgeSettings.load(
            {"SALEPIXEL_EDGE_PORT": "http", "SALEPIXEL_EDGE_URL": "ftp://x", "SALEPIXEL_EDGE_WORKERS": "0"}
        )
    assert [line.split("=")[0] for line in str(refused.value).splitlines()] == [
        "SALEPIXEL_EDGE_PORT",
        "SALEPIXEL_EDGE_URL",
        "SALEPIXEL_EDGE_WORKERS",
    ]


def test_an_empty_setting_is_its_default() -> None:
    assert EdgeSettings.load({"SALEPIXEL_EDGE_PORT": ""}) == EdgeSettings.load({})


@pytest.mark.parametrize("kind", [EdgeSettings, PluginSettings, WorkerSettings])
def test_every_setting_is_in_the_reference(kind: type[Settings]) -> None:
    text = REFERENCE.read_text()
    for field in fields(kind):
        name, default = PREFIX + field.name.upper(), field.metadata["default"]
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert row == f"| `{name}` | {f'`{default}`' if default else ''} | {field.metadata['doc']} |"


def test_a_deep_data_folder_has_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = Settings.load({"SALEPIXEL_DATA": str(tmp_path / ("x" * 120))})
    assert len(str(deep.embedded_socket)) <= 100
    assert Settings.load({"SALEPIXEL_DATA": "/srv/data"}).redis_address == "unix:///srv/data/valkey.sock"
