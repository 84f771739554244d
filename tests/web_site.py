"""A web site on loopback whose answers are bytes, so that it can say what no server's library would."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.web_addresses import Network
from local.ports import LOOPBACK

LOOPBACKS: tuple[Network, ...] = (ip_network("127.0.0.0/8"),)
TEXT = "text/plain; charset=utf-8"


def page(content: bytes | str, content_type: str = TEXT, status: str = "200 OK", **headers: str) -> bytes:
    """An answer with its length; `_` in a header's name stands for `-`."""
    body = content.encode() if isinstance(content, str) else content
    named = {"Content-Type": content_type, "Content-Length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items()), "Connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def redirection(location: str, status: str = "302 Found") -> bytes:
    return page("", status=status, Location=location)


@dataclass(frozen=True)
class Asked:
    """A request as it came: `name` is what the handshake asked a certificate for."""

    target: str
    headers: Mapping[str, str]
    name: str | None


@dataclass
class WebSite:
    """Answers by target; `unfinished` ones stay open until the other side hangs up."""

    port: int
    secure: bool = False
    pages: dict[str, bytes] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)

    def url(self, target: str = "/", host: str = "site.example") -> str:
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{target}"

    def targets(self) -> list[str]:
        return [each.target for each in self.asked if each.target != "/robots.txt"]

    def clear(self) -> None:
        for kept in (self.pages, self.unfinished, self.asked, self.names):
            kept.clear()

    def serve(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        with connection, suppress(OSError):
            if tls is None:
                self._answer(connection)
            else:
                with tls.wrap_socket(connection, server_side=True) as secured:
                    self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        request = connection.makefile("rb")
        line = request.readline().decode("latin-1").split(" ")
        headers = dict[str, str]()
        while (header := request.readline().strip()) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        self.asked.append(Asked(line[1], headers, self.names[-1] if self.names else None))
        connection.sendall(self.pages.get(line[1], page("nothing", status="404 Not Found")))
        if line[1] in self.unfinished:
            request.read()


@contextmanager
def serving_site(tls: ssl.SSLContext | None = None) -> Iterator[WebSite]:
    with socket.create_server((LOOPBACK, 0), backlog=64) as listener, ThreadPoolExecutor(8) as threads:
        site = WebSite(port=listener.getsockname()[1], secure=tls is not None)
        if tls is not None:
            tls.sni_callback = lambda _socket, name, _context: site.names.append(name)
        accepting = threads.submit(_accept, listener, site, tls, threads)
        try:
            yield site
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.result()


def _accept(listener: socket.socket, site: WebSite, tls: ssl.SSLContext | None, threads: ThreadPoolExecutor) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threads.submit(site.serve, connection, tls)


def certified(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS with a certificate of the host, which is its own authority; the authority's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    authority, chain = folder / f"{host}.pem", folder / f"{host}.chain.pem"
    authority.write_bytes(certificate.public_bytes(encoding))
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain.write_bytes(secret + certificate.public_bytes(encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, authority
