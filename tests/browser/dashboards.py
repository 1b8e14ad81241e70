"""A stand-in of Saleor's Dashboard: a page with our app in a frame, and the messages between the two.

It sends and reads messages as saleor-dashboard 3.23.27 does (AppFrame.tsx, useAppActions.ts, IframePost.tsx).
The messages are made by the package that the Dashboard uses for them: @saleor/app-sdk, from the registry.
Without the registry, by the same functions as read in version 1.15.0 of the package (app-bridge).
"""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

SDK = "@saleor/app-sdk@1.15.0"
SANDBOX = "allow-same-origin allow-forms allow-scripts allow-downloads allow-popups"
AS_READ = """
const event = (type, payload) => ({ type, payload });
export const DashboardEventFactory = {
  createThemeChangeEvent: (theme) => event("theme", { theme }),
  createDispatchResponseEvent: (actionId, ok) => event("response", { actionId, ok }),
  createHandshakeEvent: (token, version = 1, of) =>
    event("handshake", { token, version, saleorVersion: of?.core, dashboardVersion: of?.dashboard }),
  createLocaleChangedEvent: (locale) => event("localeChanged", { locale }),
  createTokenRefreshEvent: (token) => event("tokenRefresh", { token }),
};
export const ActionType = {
  redirect: "redirect", notification: "notification", updateRouting: "updateRouting",
  notifyReady: "notifyReady", popupClose: "popupClose", widgetResize: "widgetResize",
};
"""
# The package is for apps with React. What it takes from elsewhere is not needed for messages.
BESIDE = """
const none = () => undefined;
export const useMemo = none, useEffect = none, useState = none, useContext = none, useCallback = none;
export const createContext = () => ({}), createElement = none, decodeJwt = none;
export default { debug: () => none, createContext };
"""
IMPORTS = json.dumps({"imports": dict.fromkeys(("react", "debug", "jose"), "/beside.js")})
PAGE = """<!doctype html><title>Dashboard</title><meta name="color-scheme" content="light dark">
<style>body { margin: 0; font-family: sans-serif } iframe { width: 100%%; height: 95vh; border: 0 }
h1 { font-size: 1rem; margin: .5rem 1rem }</style>
<script type="importmap">%(imports)s</script>
<h1>Dashboard</h1>%(frame)s
<script type="module">
import { ActionType, DashboardEventFactory } from "%(module)s";
const frame = document.querySelector("iframe"), known = Object.values(ActionType), app = %(app)s;
Object.assign(window, { messages: [], unknown: [], token: %(token)s, DashboardEventFactory });
window.tell = (event) => frame.contentWindow.postMessage(event, app);
const versions = { core: "3.23.28", dashboard: "3.23.27" };
window.shake = () => tell(DashboardEventFactory.createHandshakeEvent(token, 1, versions));
addEventListener("message", ({ origin, data }) => {
  if (origin !== app || !data?.type || !data?.payload?.actionId) return;
  messages.push(data);
  if (!known.includes(data.type)) unknown.push(data.type);
  if (data.type === ActionType.notifyReady) shake();
  if (data.type === ActionType.widgetResize) frame.style.height = `${data.payload.height}px`;
  tell(DashboardEventFactory.createDispatchResponseEvent(data.payload.actionId, true));
});
frame.addEventListener("load", () => {
  if (%(posts)s) return;
  shake();
  tell(DashboardEventFactory.createLocaleChangedEvent(%(locale)s));
  tell(DashboardEventFactory.createThemeChangeEvent(%(theme)s));
});
%(begin)s
</script>"""


@dataclass
class Dashboard:
    """A site with one page. `files`: path -> content, of the package."""

    url: str = ""
    package: Path | None = None
    pages: dict[str, str] = field(default_factory=dict)

    def show(
        self, app: str, token: str | None, *, form: Mapping[str, str] | None = None, locale: str = "en",
        theme: str = "light",
    ) -> str:  # fmt: skip
        """The address of a page that shows a page of the app in a frame; `form`: sent as IframePost does."""
        parts = urlsplit(app)
        frame = f'<iframe name="app" sandbox="{SANDBOX}"></iframe>'
        if form is not None:
            inputs = "".join(f'<input type="hidden" name="{n}" value="{v}">' for n, v in form.items())
            frame = f'<form method="post" target="app" action="{app}">{inputs}</form>{frame}'
        self.pages["/dashboard/"] = PAGE % {
            "imports": IMPORTS,
            "frame": frame,
            "module": "/sdk/app-bridge/index.mjs" if self.package else "/as-read.js",
            "app": json.dumps(f"{parts.scheme}://{parts.netloc}"),
            "token": json.dumps(token),
            "posts": json.dumps(form is not None),
            "locale": json.dumps(locale),
            "theme": json.dumps(theme),
            "begin": "document.forms[0].submit();" if form is not None else f"frame.src = {json.dumps(app)};",
        }
        return f"{self.url}/dashboard/"

    def content(self, path: str) -> tuple[str, bytes] | None:
        """The type and the bytes at a path, or None."""
        fixed = {"/as-read.js": AS_READ, "/beside.js": BESIDE}
        if path in fixed:
            return "text/javascript", fixed[path].encode()
        if path in self.pages:
            return "text/html; charset=utf-8", self.pages[path].encode()
        if self.package and path.startswith("/sdk/") and ".." not in path:
            file = self.package / path.removeprefix("/sdk/")
            return ("text/javascript", file.read_bytes()) if file.is_file() else None
        return None


@contextmanager
def serve_dashboard(package: Path | None = None) -> Iterator[Dashboard]:
    """A Dashboard on a free port, which makes it a site of its own."""
    dashboard = Dashboard(package=package)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = dashboard.content(urlsplit(self.path).path)
            kind, body = found or ("text/plain", b"")
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    dashboard.url = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield dashboard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetch_sdk(folder: Path) -> Path | None:
    """The package from the registry, in a folder of the test; None without npm or registry."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    command = [npm, "pack", SDK, "--silent", "--fetch-retries=0", "--fetch-timeout=20000"]
    try:
        packed = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return None
    files = sorted(folder.glob("*.tgz"))
    if packed.returncode != 0 or not files:
        return None
    shutil.unpack_archive(files[0], folder, "gztar", filter="data")
    return folder / "package"
