"""One request to one address: the connection goes to an IP address that was checked, in the name of the host.

urllib3's connections take both, and no pool, proxy, cookie or redirect of their own comes in between.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from threading import Timer

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from common.errors import URL_UNREACHABLE, Permanent, Retryable
from common.web_addresses import Address, Network, WebAddress, checked

type Resolve = Callable[[str, int], Sequence[str]]
"""The IP addresses of a host's name; OSError where there are none."""

# To connect to one address, and between two bytes.
_STEP_SECONDS = 15.0
_LONGEST_REASON = 200


def unreachable(address: WebAddress, why: str | Exception) -> Retryable:
    """The site did not answer, which may pass."""
    return Retryable(URL_UNREACHABLE, f"{address.host} cannot be reached: {_told(why)}")


def _told(why: str | Exception) -> str:
    """The error's own sentence, in which the site may be quoted: printable, and short enough to be kept."""
    said = why if isinstance(why, str) else next((each for each in why.args if isinstance(each, str)), str(why))
    words = "".join(each if each.isprintable() else " " for each in said).split()
    return " ".join(words)[:_LONGEST_REASON] or type(why).__name__


def system_addresses(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine's own resolver knows."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Deadline:
    """The end of the time that one fetch has as a whole."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds

    def left(self, address: WebAddress) -> float:
        """Seconds, above 0; URL_UNREACHABLE once it is over."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise unreachable(address, f"it took more than the {self._seconds:g} s that are allowed.")
        return left


@contextmanager
def answered(
    address: WebAddress,
    headers: Mapping[str, str],
    deadline: Deadline,
    *,
    resolve: Resolve,
    allowed: Sequence[Network],
    tls: ssl.SSLContext,
) -> Iterator[BaseHTTPResponse]:
    """The answer to one GET, its body yet to be read; what goes wrong there is told alike.

    The name is resolved once, and connected to is nothing but what was then checked. `Permanent` with URL_REFUSED or
    URL_CERTIFICATE; `Retryable` with URL_UNREACHABLE. At the deadline the connection is cut, whatever it is doing.
    """
    try:
        connection = _connected(address, _addresses(address, resolve, allowed), deadline, tls)
    except ssl.SSLCertVerificationError as error:
        raise Permanent(
            "URL_CERTIFICATE", f"{address.host} has no valid certificate: {error.verify_message}."
        ) from error
    except (OSError, HTTPError) as error:
        raise unreachable(address, error) from error
    wire = connection.sock
    # A site that sends a byte now and then would outlast every time-out of a read.
    cut = Timer(deadline.left(address), lambda: socket.socket.shutdown(wire, socket.SHUT_RDWR))
    cut.daemon = True
    cut.start()
    try:
        connection.request("GET", address.target, headers={"Host": address.authority, **headers}, preload_content=False)
        with connection.getresponse() as response:
            yield response
    except (OSError, HTTPError, HTTPException) as error:
        deadline.left(address)
        raise unreachable(address, error) from error
    finally:
        cut.cancel()
        connection.close()


def _addresses(address: WebAddress, resolve: Resolve, allowed: Sequence[Network]) -> Sequence[Address]:
    if address.literal is not None:
        return checked(address.host, [address.host], allowed)
    found = checked(address.host, resolve(address.host, address.port), allowed)
    if not found:
        raise unreachable(address, "its name has no address.")
    return found


def _connected(
    address: WebAddress, found: Sequence[Address], deadline: Deadline, tls: ssl.SSLContext
) -> HTTPConnection:
    """A connection to the first of the addresses that takes one."""
    *others, last = found
    for ip in others:
        connection = _connection(address, ip, deadline, tls)
        try:
            connection.connect()
        except (NewConnectionError, ConnectTimeoutError):
            continue
        return connection
    connection = _connection(address, last, deadline, tls)
    connection.connect()
    return connection


def _connection(address: WebAddress, ip: Address, deadline: Deadline, tls: ssl.SSLContext) -> HTTPConnection:
    seconds = min(_STEP_SECONDS, deadline.left(address))
    if not address.secure:
        return HTTPConnection(str(ip), address.port, timeout=seconds)
    # The certificate is that of the name, which is asked for in the handshake, not of the IP address.
    return HTTPSConnection(str(ip), address.port, timeout=seconds, ssl_context=tls, server_hostname=address.host)
