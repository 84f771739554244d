"""The instance's proxy: TLS 1.3 with client certificates outside, Postgres of this machine inside."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import struct
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Coroutine, Iterable
from contextlib import suppress

from local.cloud_sql.certificates import CertificateAuthority
from local.cloud_sql.counts import Counts, Login
from local.cloud_sql.names import database_user
from local.errors import StartError
from local.ports import LOOPBACK

# The connector knows no other.
PORT = 3307
# One for each stack that runs at the same time. Linux has them all; macOS has the last one alone.
ADDRESSES = (*(f"127.0.0.{last}" for last in range(7, 255)), LOOPBACK)

_PROTOCOL = 196608
_LONGEST_STARTUP = 10_000
_READY, _ERROR = b"Z", b"E"
_READ_BYTES = 65_536


def listen(addresses: Iterable[str] = ADDRESSES) -> socket.socket:
    """A listener on the first address whose port 3307 is free. Raises `StartError` (NO_ADDRESS) where there is none."""
    for address in addresses:
        try:
            return socket.create_server((address, PORT))
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL}:
                raise
    raise StartError(
        "NO_ADDRESS",
        f"Cloud SQL's connector knows port {PORT} alone, and no loopback address of this machine has it free. Stop the "
        "program that listens on it, or add an address (on macOS: sudo ifconfig lo0 alias 127.0.0.7).",
    )


class Proxy:
    """Lets in who shows a client certificate, as the database user of the account that it was issued for."""

    def __init__(self, authority: CertificateAuthority, counts: Counts, *, postgres_port: int) -> None:
        self._authority = authority
        self._counts = counts
        self._postgres_port = postgres_port

    async def start(self, listener: socket.socket) -> asyncio.Server:
        """Serve the listener's connections."""
        return await asyncio.start_server(self._serve, sock=listener, ssl=self._authority.server_context())

    async def _serve(self, client: StreamReader, to_client: StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._forward(client, to_client)
        finally:
            to_client.close()

    async def _forward(self, client: StreamReader, to_client: StreamWriter) -> None:
        startup, user = await _startup(client)
        login = self._login(user, to_client.get_extra_info("ssl_object"))
        if login is None:
            self._counts.refused += 1
            to_client.write(_refusal(user))
            await to_client.drain()
            return
        postgres, to_postgres = await asyncio.open_connection(LOOPBACK, self._postgres_port)
        try:
            to_postgres.write(startup)
            answer, ready = await _answer(postgres)
            if ready:
                self._counts.logins[login] += 1
            else:
                self._counts.refused += 1
            to_client.write(answer)
            await _both(_pump(client, to_postgres), _pump(postgres, to_client))
        finally:
            to_postgres.close()

    def _login(self, user: str, tls: ssl.SSLObject) -> Login | None:
        shown = tls.getpeercert()
        assert shown is not None  # noqa: S101 - for the type checker: TLS lets nobody in without one
        grant = self._authority.grant(int(str(shown["serialNumber"]), 16))
        if grant.expires < time.time() or database_user(grant.account) != user:
            return None
        return Login(user, grant.account, tuple(sorted(grant.scopes)), str(tls.version()))


async def _startup(client: StreamReader) -> tuple[bytes, str]:
    """The first message, whole, and the user that it names."""
    length, protocol = struct.unpack("!ii", head := await client.readexactly(8))
    if protocol != _PROTOCOL or not len(head) < length <= _LONGEST_STARTUP:
        raise ConnectionAbortedError
    body = await client.readexactly(length - len(head))
    words = body.split(b"\0")
    parameters = dict(zip(words[::2], words[1::2], strict=False))
    return head + body, parameters.get(b"user", b"").decode(errors="replace")


async def _answer(postgres: StreamReader) -> tuple[bytes, bool]:
    """All that Postgres says to a startup, and whether it lets the user in. It asks nothing back, as it trusts."""
    said = b""
    while True:
        kind, length = struct.unpack("!ci", head := await postgres.readexactly(5))
        said += head + await postgres.readexactly(length - 4)
        if kind in {_READY, _ERROR}:
            return said, kind == _READY


def _refusal(user: str) -> bytes:
    message = f'Cloud SQL IAM service account authentication failed for user "{user}"'
    fields = b"SFATAL\0VFATAL\0C28000\0M" + message.encode() + b"\0\0"
    return b"E" + struct.pack("!i", len(fields) + 4) + fields


async def _both(one: Coroutine[None, None, None], other: Coroutine[None, None, None]) -> None:
    """Run both until one has ended."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(source: StreamReader, sink: StreamWriter) -> None:
    while data := await source.read(_READ_BYTES):
        sink.write(data)
        await sink.drain()
