"""The web for the browsers under test: four sites over https, all served by one proxy.

`mail.test` has the mail, `shop.test` the shop, `track.shop.test` is the edge of the running stack, and
`tracker.test` a hosted pixel as it was built for years: a redirect that sets a cookie of its own site, and an
image. The browser is configured to use this proxy, so names need no resolver and every site has port 443.
"""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

EMP_ID = 7
TRACKING_HOST = "track.shop.test"
HOSTS = ("mail.test", "shop.test", TRACKING_HOST, "tracker.test")
HOSTED_COOKIE = "hosted=clicked; Path=/; Secure; SameSite=None; Max-Age=7776000"
HOSTED_TARGET = "https://shop.test/p/2?spx=1&mc_eid=1"
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
TAG = f'<script src="https://{TRACKING_HOST}/sp.js" data-emp-id="{EMP_ID}"></script>'
WALK = {
    ("mail.test", "/"): "document.getElementById(location.search ? 'ours' : 'hosted').click()",
    ("shop.test", "/p/2"): "location.href = 'https://mail.test/?again'",
    ("shop.test", "/p/1"): "location.href = '/thanks'",
    ("shop.test", "/thanks"): "location.href = 'https://tracker.test/kept'",
}
"""What a page does when it is there with its images, for a browser that nobody drives."""


@dataclass
class Sites:
    """What the sites serve, and (host, path with query, cookies) of every request that reached them."""

    edge_port: int
    link: str = ""
    order: str = "A-1"
    walk: bool = False
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    port: int = 0

    def token_at(self, host: str, path: str) -> str:
        """The click token in the address of the last request for a path; empty without one."""
        found = [target for name, target, _ in self.seen if name == host and target.startswith(path)]
        return parse_qs(urlsplit(found[-1]).query).get("spx", [""])[0] if found else ""

    def cookies_at(self, host: str, path: str) -> str | None:
        """The cookies of the last request for a path; None when there was none."""
        found = [cookies for name, target, cookies in self.seen if name == host and target.startswith(path)]
        return found[-1] if found else None

    def page(self, host: str, path: str) -> str | None:
        """The page at an address, None where there is none."""
        sale = {"order": self.order, "currency": "EUR", "lines": [{"product": "Shoes", "amount": "39.80"}]}
        pages = {
            ("mail.test", "/"): f'<a id="ours" href="{self.link}">Shoes</a>'
            '<a id="hosted" href="https://tracker.test/click">Boots</a>',
            ("shop.test", "/p/1"): f"{TAG}<h1>Shoes</h1>",
            ("shop.test", "/p/2"): "<h1>Boots</h1>",
            ("tracker.test", "/kept"): "<h1>Pixels</h1>",
            (
                "shop.test",
                "/thanks",
            ): f'<script type="application/json" id="salepixel-sale">{json.dumps(sale)}'
            f'</script>{TAG}<h1>Thanks</h1><img src="https://tracker.test/pixel.gif">',
        }
        body = pages.get((host, path))
        step = WALK.get((host, path)) if self.walk else None
        script = f'<script>addEventListener("load", () => {step})</script>' if step else ""
        return None if body is None else f"<!doctype html><title>{host}</title>{script}{body}"


@contextmanager
def serve_sites(edge_port: int, folder: Path) -> Iterator[Sites]:
    """The sites behind a proxy on a free port of 127.0.0.1."""
    sites = Sites(edge_port)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(sites, _tls(folder)))
    server.daemon_threads = True
    sites.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield sites
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _tls(folder: Path) -> ssl.SSLContext:
    """A self-signed certificate for all sites; the browsers are configured to accept it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sites of a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "sites.pem"
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(pem, *plain) + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _handler(sites: Sites, tls: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            # The proxy's part: from here on this connection is the site's own.
            if self.path.partition(":")[0] not in HOSTS:
                self.send_error(502)
                return
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                self.connection = tls.wrap_socket(self.connection, server_side=True)
            except OSError:
                self.close_connection = True
                return  # a browser checks the certificate, closes, and connects again
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", buffering=0)
            self.close_connection = False

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def handle(self) -> None:
            with suppress(OSError):  # a browser that closes the connection
                super().handle()

        def do_GET(self) -> None:
            host, target = self.headers.get("Host", ""), self.path
            sites.seen.append((host, target, self.headers.get("Cookie", "")))
            path = urlsplit(target).path
            page = sites.page(host, path)
            if host == TRACKING_HOST:
                self._ask_edge()
            elif (host, path) == ("tracker.test", "/click"):
                self._send(302, b"", {"Location": HOSTED_TARGET, "Set-Cookie": HOSTED_COOKIE})
            elif (host, path) == ("tracker.test", "/pixel.gif"):
                self._send(200, GIF, {"Content-Type": "image/gif", "Cache-Control": "no-store"})
            elif page is not None:
                self._send(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})
            else:
                self._send(404, b"", {})

        def _ask_edge(self) -> None:
            edge = http.client.HTTPConnection("127.0.0.1", sites.edge_port, timeout=10)
            headers = {name: value for name, value in self.headers.items() if name != "Connection"}
            edge.request("GET", self.path, headers=headers)
            answer = edge.getresponse()
            body = answer.read()
            hop = ("connection", "content-length", "transfer-encoding", "keep-alive")
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in hop:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            edge.close()

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            pass

    return Handler
