"""The browsers that this machine may have, each driven in its own way, all with the same four verbs."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests
from playwright.sync_api import Browser, sync_playwright

START_SECONDS = 40.0
ANSWER_SECONDS = 30.0
MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"


@contextmanager
def open_chromium(hosts: str = "") -> Iterator[Browser]:
    """Chromium without a proxy, for a test of pages. `hosts`: rules of its `--host-resolver-rules`."""
    need("chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                f"--host-resolver-rules={hosts}",
            ],
        )
        yield opened
        opened.close()


class Driver(Protocol):
    """A browser with one page. `version` as the engine says it."""

    version: str

    def open(self, url: str) -> None:
        """Go to an address and wait for its page."""

    def follow(self, element: str) -> None:
        """Click the element with this id, as a person does."""

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""


class _Chromium:
    def __init__(self, page: Any, version: str) -> None:
        self._page, self.version = page, version

    def open(self, url: str) -> None:
        self._page.goto(url)

    def follow(self, element: str) -> None:
        self._page.click(f"#{element}")

    def evaluate(self, expression: str) -> Any:
        return self._page.evaluate(expression)


@contextmanager
def chromium(folder: Path, proxy_port: int, *, third_party_cookies: bool) -> Iterator[Driver]:
    """Chromium by Playwright; without third-party cookies by the preference that its settings page writes."""
    profile = folder / f"chromium-{third_party_cookies}"
    (profile / "Default").mkdir(parents=True)
    mode = 0 if third_party_cookies else 1
    preferences = {"profile": {"cookie_controls_mode": mode, "block_third_party_cookies": bool(mode)}}
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path="/usr/bin/chromium",
            ignore_https_errors=True,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            proxy={"server": f"http://127.0.0.1:{proxy_port}"},
        )
        version = subprocess.check_output(["/usr/bin/chromium", "--version"], text=True).split()[1]
        yield _Chromium(context.pages[0], version)
        context.close()


class _Firefox:
    """Marionette, Firefox's own protocol: each message is its length, a colon, and JSON."""

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)
        self._file = self._socket.makefile("rb")
        self._id = 0
        self._read()
        wanted = {"acceptInsecureCerts": True}
        session = self._ask("WebDriver:NewSession", wanted)
        self.version = str(session["capabilities"]["browserVersion"])

    def open(self, url: str) -> None:
        self._ask("WebDriver:Navigate", {"url": url})

    def follow(self, element: str) -> None:
        found = self._ask("WebDriver:FindElement", {"using": "css selector", "value": f"#{element}"})
        (handle,) = found["value"].values()
        self._ask("WebDriver:ElementClick", {"id": handle})

    def evaluate(self, expression: str) -> Any:
        return self._ask("WebDriver:ExecuteScript", {"script": f"return {expression}", "args": []})["value"]

    def close(self) -> None:
        with suppress(OSError, EOFError):
            self._ask("Marionette:Quit", {"flags": ["eForceQuit"]})
        self._socket.close()

    def _ask(self, command: str, parameters: Mapping[str, Any]) -> Any:
        self._id += 1
        body = json.dumps([0, self._id, command, parameters]).encode()
        self._socket.sendall(str(len(body)).encode() + b":" + body)
        _, _, error, answer = self._read()
        assert error is None, f"{command}: {error}"
        return answer

    def _read(self) -> Any:
        length = b""
        while (byte := self._file.read(1)) != b":":
            if not byte:
                raise EOFError("the browser has gone")
            length += byte
        return json.loads(self._file.read(int(length)))


@contextmanager
def firefox(folder: Path, proxy_port: int, *, preferences: Mapping[str, Any]) -> Iterator[Driver]:
    """Firefox with a fresh profile and these preferences."""
    port = _free_port()
    profile = folder / f"firefox-{port}"
    profile.mkdir()
    wanted = {
        "marionette.port": port,
        "datareporting.policy.dataSubmissionEnabled": False,
        "app.update.enabled": False,
        "network.captive-portal-service.enabled": False,
        "network.proxy.type": 1,
        "network.proxy.ssl": "127.0.0.1",
        "network.proxy.ssl_port": proxy_port,
        **preferences,
    }
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items())
    (profile / "user.js").write_text("".join(lines))
    command = ["firefox-esr", "--headless", "--no-remote", "--marionette", "--profile", str(profile)]
    settings = {"HOME": str(profile), "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
    with _running(command, settings), closing(_Firefox(port)) as driver:
        yield driver


class _WebKit:
    """The W3C's WebDriver over HTTP, as WebKitWebDriver speaks it."""

    def __init__(self, port: int, proxy_port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/session"
        options = ["--automation", f"--proxy=http://127.0.0.1:{proxy_port}"]
        wanted = {
            "acceptInsecureCerts": True,
            "webkitgtk:browserOptions": {"binary": MINI_BROWSER, "args": options},
        }
        _connected(port).close()
        session = self._ask("", {"capabilities": {"alwaysMatch": wanted}})
        self._url += f"/{session['sessionId']}"
        self.version = str(session["capabilities"]["browserVersion"])

    def open(self, url: str) -> None:
        self._ask("/url", {"url": url})

    def follow(self, element: str) -> None:
        found = self._ask("/element", {"using": "css selector", "value": f"#{element}"})
        (handle,) = found.values()
        self._ask(f"/element/{handle}/click", {})

    def evaluate(self, expression: str) -> Any:
        return self._ask("/execute/sync", {"script": f"return {expression}", "args": []})

    def close(self) -> None:
        requests.delete(self._url, timeout=ANSWER_SECONDS)

    def _ask(self, path: str, content: Mapping[str, Any]) -> Any:
        answer = requests.post(self._url + path, json=content, timeout=ANSWER_SECONDS)
        assert answer.ok, answer.text
        return answer.json()["value"]


@contextmanager
def webkit(folder: Path, proxy_port: int) -> Iterator[Driver]:
    """WebKitGTK's MiniBrowser on a virtual screen."""
    port = _free_port()
    command = ["xvfb-run", "-a", "WebKitWebDriver", f"--port={port}"]
    home = folder / f"webkit-{port}"
    home.mkdir()
    settings = {"HOME": str(home), "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
    with _running(command, settings), closing(_WebKit(port, proxy_port)) as driver:
        yield driver


@contextmanager
def mini_browser(folder: Path, proxy_port: int, url: str, *options: str) -> Iterator[None]:
    """WebKitGTK's MiniBrowser at an address, without a driver: only then its tracking prevention works."""
    home = folder / "mini-browser"
    home.mkdir()
    network = ["--ignore-tls-errors", f"--proxy=http://127.0.0.1:{proxy_port}"]
    command = ["xvfb-run", "-a", MINI_BROWSER, *network, *options, url]
    with _running(command, {"HOME": str(home), "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}):
        yield


def need(*programs: str) -> None:
    """Skip the test on a machine without one of these programs, but fail if EVERY_BROWSER is set."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        assert "EVERY_BROWSER" not in os.environ, f"{missing[0]} is not installed"
        pytest.skip(f"{missing[0]} is not installed")


@contextmanager
def _running(command: list[str], settings: Mapping[str, str]) -> Iterator[None]:
    """A program in a process group of its own, ended with all that it started."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _connected(port: int) -> socket.socket:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
