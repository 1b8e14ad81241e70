"""Settings: one frozen dataclass per service, read from the environment here and nowhere else.

Every field is the variable `SALEPIXEL_<NAME>`. All problems are reported at once.
A test compares docs/reference/settings.md with these fields.
"""

import difflib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from redis.connection import parse_url

from salepixel.reading.addresses import normal_host
from salepixel.reading.emails import read_recipient
from salepixel.reading.zones import read_zone

PREFIX = "SALEPIXEL_"


class BadSettings(ValueError):
    """One or more settings cannot be used; the message has a line for each."""


def environment() -> dict[str, str]:
    """A copy of the process's environment: the one place where it is read."""
    return dict(os.environ)


def _setting(default: str, parse: Callable[[str], Any], doc: str, *, secret: bool = False) -> Any:
    # The default is a text that is parsed like a variable. `{name}` in it refers to a field above.
    return field(repr=not secret, metadata={"default": default, "parse": parse, "doc": doc, "secret": secret})


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _one_of(*known: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in known:
            raise ValueError(f"must be {', '.join(known[:-1])} or {known[-1]}")
        return text

    return parse


def _recipient(text: str) -> str:
    if not (address := read_recipient(text)):
        raise ValueError("must be an e-mail address such as salepixel@shop.example")
    return address


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError("must be an address such as https://track.shop.example, without a path")
    return text.rstrip("/")


def _issuer(text: str) -> str:
    # OpenID Connect Discovery 1.0, 3. Without TLS only on this machine: there, nobody can change the keys.
    parts = urlsplit(text)
    is_here = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    is_plain = text.isascii() and text.isprintable() and " " not in text
    if not (parts.scheme == "https" or is_here) or not parts.hostname or parts.query or not is_plain:
        raise ValueError(
            "must be the https address of an OpenID provider, such as https://accounts.google.com"
        )
    return text


def _page(text: str) -> str:
    # Saleor checks these with its validator of addresses, and stores 200 characters (saleor/app/models.py).
    parts = urlsplit(text)
    is_plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= 200
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise ValueError("must be the address of a page, such as https://shop.example/privacy")
    return text


def _redis(text: str) -> str:
    try:
        parse_url(text)  # type: ignore[no-untyped-call]  # as in redis-py
    except ValueError:
        # Without the value: a password with "/" or "#" is cut there, and part of it would be shown as the
        # port.
        raise ValueError("must be an address such as redis://:password@host:6379/0") from None
    return text


def _postgresql(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("postgresql", "postgresql+psycopg") and parts.port != 0
    except ValueError:
        good = False
    if not good or "://" not in text:
        raise ValueError(
            "must be an address such as postgresql://user:password@host/name, with the characters @ : / # "
            "of a password written as %40 %3A %2F %23"
        )
    return text


def _optional(parse: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: parse(text) if text else ""


def _parameter(text: str) -> str:
    if not (text.isascii() and text.isalnum() and len(text) <= 20):
        raise ValueError("must be letters and digits, 20 at most")
    return text


def _name(text: str) -> str:
    if not (text and text.isascii() and text.replace("-", "").isalnum() and len(text) <= 40):
        raise ValueError("must be letters, digits and hyphens, 40 at most")
    return text


def _key(text: str) -> str:
    if len(text) < 20 or not (text.isascii() and text.isprintable()):
        raise ValueError(
            "must be 20 or more printable ASCII characters. Here is a new random one: "
            + secrets.token_urlsafe(24)
        )
    return text


def _hosts(text: str) -> frozenset[str]:
    return frozenset(normal_host(host.strip()) for host in text.split(",") if host.strip())


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(block.strip()) for block in text.split(",") if block.strip())
    except ValueError as error:
        raise ValueError(f"must be CIDR blocks such as 10.1.0.0/16, separated by commas; {error}") from None


def _folder(text: str) -> Path:
    return Path(text).absolute()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of all services."""

    data: Path = _setting("data", _folder, "Folder for keys, journals, and the embedded Valkey and SQLite.")
    redis_url: str = _setting(
        "", _optional(_redis), "Redis or Valkey to use instead of the embedded one.", secret=True
    )
    host: str = _setting("127.0.0.1", str, "Address on which edge and plugin listen.")
    edge_port: int = _setting("8080", _whole(1, 65535), "Port of the edge.")
    plugin_port: int = _setting("8081", _whole(1, 65535), "Port of the plugin.")
    edge_url: str = _setting(
        "http://127.0.0.1:{edge_port}",
        _web_address,
        "Public address of the edge. With https, its cookies are Secure. Accounts with a tracking host use "
        "that host with the scheme of this address.",
    )
    click_parameter: str = _setting(
        "spx", _parameter, "Name of the query parameter that carries the click token to the shop."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read all fields. Raises BadSettings that names every problem."""
        values: dict[str, Any] = {}
        problems = []
        for item in fields(cls):
            name = variable(item.name)
            # Set but empty means not set, as in docker compose files.
            text = environ.get(name)
            try:
                values[item.name] = item.metadata["parse"](text or item.metadata["default"].format(**values))
            except KeyError:
                continue  # its default refers to an invalid setting
            except ValueError as error:
                problems.append(
                    f"{name}: {error}" if item.metadata["secret"] else f"{name}={text!r}: {error}"
                )
        problems += _unknown(environ)
        if problems:
            raise BadSettings("\n".join(problems))
        return cls(**values)

    @property
    def embedded_socket(self) -> Path:
        """The socket of the embedded Valkey; in the system's temporary folder if the path of `data` is too
        long.

        The kernel takes at most 107 characters (unix(7), sun_path).
        """
        near = self.data / "valkey.sock"
        if len(str(near)) <= 100:
            return near
        digest = hashlib.blake2b(str(near).encode(), digest_size=8).hexdigest()
        return Path(tempfile.gettempdir()) / f"salepixel-{digest}" / "valkey.sock"

    @property
    def redis_address(self) -> str:
        """Where Redis is: `redis_url`, or the embedded one."""
        return self.redis_url or f"unix://{self.embedded_socket}"

    @property
    def keys_file(self) -> Path:
        """The file with the installation's secrets; edge and plugin must have the same."""
        return self.data / "keys.json"


@dataclass(frozen=True, kw_only=True)
class EdgeSettings(Settings):
    """The edge."""

    edge_name: str = _setting(
        "edge", _name, "Name of this edge. Each edge of an installation needs a different one."
    )
    edge_workers: int = _setting(
        "1", _whole(1, 64), "Number of processes of this edge, each with its own journal."
    )
    edge_proxies: int = _setting(
        "0",
        _whole(0, 9),
        "Number of your proxies in front of the edge that add the client's address to X-Forwarded-For. With "
        "a wrong number, mail gateways are not recognised by their networks.",
    )
    edge_segment_bytes: int = _setting(
        "16777216", _whole(4096, 2**30), "Size at which a journal segment is closed."
    )


@dataclass(frozen=True, kw_only=True)
class StorageSettings(Settings):
    """What the plugin and the worker share."""

    database_url: str = _setting(
        "",
        _optional(_postgresql),
        "PostgreSQL to use instead of the embedded SQLite: postgresql://user:password@host/name.",
        secret=True,
    )
    private_networks: tuple[IPv4Network | IPv6Network, ...] = _setting(
        "",
        _networks,
        "Private networks that may be called, as CIDR blocks separated by commas, such as 10.1.0.0/16. None "
        "by default. Needed if a shop, or a host that sales are forwarded to, has a private address.",
    )
    plugin_url: str = _setting(
        "http://127.0.0.1:{plugin_port}", _web_address, "Public address of the plugin, as shops reach it."
    )
    time_zone: str = _setting(
        "UTC",
        read_zone,
        "Time zone of accounts that have none, such as Europe/Madrid. It decides which day is today.",
    )
    smtp_host: str = _setting(
        "",
        str,
        "SMTP server for the e-mails of accounts that have no SMTP settings of their own. It may have a "
        "private address. Without it, only accounts with settings of their own can send e-mails.",
    )
    smtp_port: int = _setting(
        "587", _whole(1, 65535), "Its port: usually 587 with `starttls`, 465 with `tls`."
    )
    smtp_encryption: str = _setting(
        "starttls",
        _one_of("starttls", "tls", "none"),
        "How its connection is encrypted: starttls, tls or none.",
    )
    smtp_user: str = _setting("", str, "User at this server; empty if it asks for no password.")
    smtp_password: str = _setting("", str, "The user's password.", secret=True)
    smtp_sender: str = _setting(
        "{smtp_user}",
        _optional(_recipient),
        "Sender address of these e-mails. Needed with SALEPIXEL_SMTP_HOST.",
    )
    smtp_sender_name: str = _setting("Salepixel", str, "Sender name of these e-mails.")

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """As in the base class. Raises BadSettings, also for a server without a sender."""
        found = super().load(environ)
        if found.smtp_host and not found.smtp_sender:
            raise BadSettings(f"{variable('smtp_sender')}: needed with {variable('smtp_host')}")
        return found


@dataclass(frozen=True, kw_only=True)
class PluginSettings(StorageSettings):
    """The plugin."""

    plugin_proxies: int = _setting(
        "0",
        _whole(0, 9),
        "Number of your proxies in front of the plugin that add the client's address to X-Forwarded-For. "
        "With a wrong number, all clients share one rate limit, and one client can lock out the others.",
    )
    api_key: str = _setting(
        "",
        _optional(_key),
        "An API key with all rights, stored at start: a random secret of 20 characters or more.",
        secret=True,
    )
    plugin_threads: int = _setting(
        "4", _whole(1, 256), "Number of requests that the plugin processes at a time."
    )
    oidc_issuer: str = _setting(
        "",
        _optional(_issuer),
        "OpenID provider with which people sign in, such as https://accounts.google.com, exactly as in "
        "its metadata. It may have a private address. Without it, people sign in with a password only.",
    )
    oidc_client_id: str = _setting(
        "", str, "The client ID at this provider. Needed with SALEPIXEL_OIDC_ISSUER."
    )
    oidc_client_secret: str = _setting(
        "", str, "The client secret at this provider. Needed with SALEPIXEL_OIDC_ISSUER.", secret=True
    )
    homepage_url: str = _setting(
        "", _optional(_page), "Your page about the app, for the shop's Dashboard. Default: the plugin's own."
    )
    privacy_url: str = _setting(
        "", _optional(_page), "Your privacy policy, for the shop's Dashboard. Default: the plugin's own page."
    )
    support_url: str = _setting(
        "", _optional(_page), "Your page for support, for the shop's Dashboard. Default: the plugin's own."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """As in the base class. Raises BadSettings, also for an OpenID provider without name or secret."""
        found = super().load(environ)
        names = ("oidc_client_id", "oidc_client_secret")
        missing = [name for name in names if not getattr(found, name)] if found.oidc_issuer else []
        if missing:
            needed = (f"{variable(name)}: needed with {variable('oidc_issuer')}" for name in missing)
            raise BadSettings("\n".join(needed))
        return found


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(StorageSettings):
    """The worker."""

    forward_hosts: frozenset[str] = _setting(
        "", _hosts, "Hosts that sales may be forwarded to, separated by commas. None by default."
    )


def variable(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()


def _unknown(environ: Mapping[str, str]) -> list[str]:
    """A line for each SALEPIXEL_ variable that no service reads, because a misspelt setting would be ignored.

    Every service knows the names of all services, because they usually share one environment.
    """
    known = [
        variable(item.name)
        for kind in (EdgeSettings, PluginSettings, WorkerSettings)
        for item in fields(kind)
    ]
    problems = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and environ[name] and name not in known:
            near = difflib.get_close_matches(name.upper(), known, 1, cutoff=0)[0]
            problems.append(f"{name} is not a setting; did you mean {near}?")
    return problems
