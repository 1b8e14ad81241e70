"""Settings are read in one place, all errors are reported at once, and each setting is in the reference."""

from dataclasses import fields
from pathlib import Path

import pytest

from salepixel.settings import (
    PREFIX,
    BadSettings,
    EdgeSettings,
    PluginSettings,
    Settings,
    StorageSettings,
    WorkerSettings,
)

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        EdgeSettings.load(
            {"SALEPIXEL_EDGE_PORT": "http", "SALEPIXEL_EDGE_URL": "ftp://x", "SALEPIXEL_EDGE_WORKERS": "0"}
        )
    assert [line.split("=")[0] for line in str(refused.value).splitlines()] == [
        "SALEPIXEL_EDGE_PORT",
        "SALEPIXEL_EDGE_URL",
        "SALEPIXEL_EDGE_WORKERS",
    ]


@pytest.mark.parametrize(
    ("issuer", "is_good"),
    [
        ("https://accounts.google.com", True),
        ("https://id.shop.test/realms/shop", True),
        ("http://localhost:9400", True),
        ("http://127.0.0.1:9400", True),
        ("http://id.shop.test", False),
        ("accounts.google.com", False),
        ("https://", False),
        ("https://id.shop.test/?a=b", False),
    ],
)
def test_an_openid_provider_is_named_by_its_https_address(issuer: str, is_good: bool) -> None:
    environ = {f"{PREFIX}OIDC_{name}": name for name in ("CLIENT_ID", "CLIENT_SECRET")}
    environ |= {f"{PREFIX}OIDC_ISSUER": issuer}
    if is_good:
        assert PluginSettings.load(environ).oidc_issuer == issuer
        return
    with pytest.raises(BadSettings, match="https address of an OpenID provider"):
        PluginSettings.load(environ)


def test_an_openid_provider_needs_our_name_and_secret() -> None:
    with pytest.raises(BadSettings) as refused:
        PluginSettings.load({f"{PREFIX}OIDC_ISSUER": "https://id.shop.test"})
    assert str(refused.value).splitlines() == [
        "SALEPIXEL_OIDC_CLIENT_ID: needed with SALEPIXEL_OIDC_ISSUER",
        "SALEPIXEL_OIDC_CLIENT_SECRET: needed with SALEPIXEL_OIDC_ISSUER",
    ]
    assert "hidden" not in repr(
        PluginSettings.load(
            {
                f"{PREFIX}OIDC_ISSUER": "https://id.shop.test",
                f"{PREFIX}OIDC_CLIENT_ID": "a",
                f"{PREFIX}OIDC_CLIENT_SECRET": "hidden",
            }
        )
    )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SALEPIXEL_EGDE_PORT", "SALEPIXEL_EDGE_PORT"),
        ("SALEPIXEL_DATABASE", "SALEPIXEL_DATABASE_URL"),
        ("SALEPIXEL_REDISURL", "SALEPIXEL_REDIS_URL"),
        ("SALEPIXEL_APIKEY", "SALEPIXEL_API_KEY"),
        ("SALEPIXEL_data", "SALEPIXEL_DATA"),
    ],
)
@pytest.mark.parametrize("kind", [EdgeSettings, PluginSettings, WorkerSettings, StorageSettings])
def test_a_misspelt_setting_is_refused_with_a_suggestion(
    kind: type[Settings], name: str, nearest: str
) -> None:
    with pytest.raises(BadSettings) as refused:
        kind.load({name: "9"})
    assert str(refused.value) == f"{name} is not a setting; did you mean {nearest}?"


def test_a_setting_of_another_service_is_not_unknown() -> None:
    assert EdgeSettings.load({"SALEPIXEL_API_KEY": "x" * 40, "SALEPIXEL_FORWARD_HOSTS": "a.test", "PATH": ""})


@pytest.mark.parametrize(
    ("environ", "edge", "plugin"),
    [
        ({}, "http://127.0.0.1:8080", "http://127.0.0.1:8081"),
        ({"SALEPIXEL_EDGE_PORT": "9000"}, "http://127.0.0.1:9000", "http://127.0.0.1:8081"),
        ({"SALEPIXEL_PLUGIN_PORT": "9001"}, "http://127.0.0.1:8080", "http://127.0.0.1:9001"),
        (
            {"SALEPIXEL_EDGE_PORT": "9000", "SALEPIXEL_EDGE_URL": "https://t.test"},
            "https://t.test",
            "http://127.0.0.1:8081",
        ),
        (
            {"SALEPIXEL_PLUGIN_PORT": "9001", "SALEPIXEL_PLUGIN_URL": "https://s.test/"},
            "http://127.0.0.1:8080",
            "https://s.test",
        ),
    ],
)
def test_changing_a_port_changes_the_public_address_unless_that_is_set(
    environ: dict[str, str], edge: str, plugin: str
) -> None:
    settings = PluginSettings.load(environ)
    assert (settings.edge_url, settings.plugin_url) == (edge, plugin)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SALEPIXEL_REDIS_URL", "localhost:6379"),
        ("SALEPIXEL_REDIS_URL", "http://:hidden@localhost"),
        ("SALEPIXEL_REDIS_URL", "redis://:hid/den@localhost:6379"),
        ("SALEPIXEL_REDIS_URL", "redis://localhost:port"),
        ("SALEPIXEL_REDIS_URL", "redis://:hidden@localhost?db=first"),
        ("SALEPIXEL_DATABASE_URL", "mysql://salepixel:hidden@localhost/salepixel"),
        ("SALEPIXEL_DATABASE_URL", "salepixel"),
        ("SALEPIXEL_DATABASE_URL", "postgresql:salepixel"),
        ("SALEPIXEL_DATABASE_URL", "postgresql://salepixel:hid/den@localhost/salepixel"),
        ("SALEPIXEL_DATABASE_URL", "postgresql://localhost:port/salepixel"),
    ],
)
def test_an_invalid_store_address_is_refused_without_showing_its_password(name: str, value: str) -> None:
    with pytest.raises(BadSettings) as refused:
        WorkerSettings.load({name: value})
    message = str(refused.value)
    assert message.startswith(f"{name}: must be an address such as ")
    assert "hid" not in message


@pytest.mark.parametrize(
    "environ",
    [
        {"SALEPIXEL_REDIS_URL": "rediss://:hidden@cache.test:6380/1"},
        {"SALEPIXEL_REDIS_URL": "unix:///run/valkey.sock?password=hidden"},
        {"SALEPIXEL_DATABASE_URL": "postgresql://salepixel:hidden@/salepixel?host=/run/postgresql"},
        {"SALEPIXEL_DATABASE_URL": "postgresql+psycopg://salepixel:hidden@db.test:5433/salepixel"},
        {"SALEPIXEL_API_KEY": "hidden" * 6},
    ],
)
def test_printed_settings_show_no_secret(environ: dict[str, str]) -> None:
    assert "hidden" not in repr(PluginSettings.load(environ))


def test_an_empty_setting_means_the_default() -> None:
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


@pytest.mark.parametrize("key", ["short", "x" * 19, "secret-secret-sécret-x", "secret-secret\tsecret"])
def test_a_weak_or_unsendable_key_is_refused_and_a_good_one_suggested(key: str) -> None:
    with pytest.raises(BadSettings) as refused:
        PluginSettings.load({"SALEPIXEL_API_KEY": key})
    said = str(refused.value)
    assert said.startswith("SALEPIXEL_API_KEY: must be 20 or more")
    assert key not in said
    good = said.rpartition(" ")[2]
    assert PluginSettings.load({"SALEPIXEL_API_KEY": good}).api_key == good
    with pytest.raises(BadSettings) as again:
        PluginSettings.load({"SALEPIXEL_API_KEY": key})
    assert good not in str(again.value), "each time another one"


def test_no_key_or_a_long_key_is_accepted() -> None:
    for key in ("", "x" * 20, "the key with all rights"):
        assert PluginSettings.load({"SALEPIXEL_API_KEY": key}).api_key == key
