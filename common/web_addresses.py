"""Which web addresses may be fetched from. Pure: nothing here resolves a name or opens a connection.

An address is read once, by `parse`; what is checked, asked for and connected to are the parts of what that returned.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import quote, urljoin

import idna

from common.errors import Permanent

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

PORTS = frozenset({80, 443})
LONGEST = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}

# RFC 3986 without userinfo. No `\`, no white space and no control character is let in: parsers disagree about them.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<host>\[[^\[\]/?#@]*\]|[^\[\]/?#@:]*)"
    r"(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?:#.*)?"
)
_UNWANTED = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Anything that some parser takes for an IPv4 address: 127.1, 2130706433, 0x7f000001, 0177.0.0.1.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INWARD_SUFFIXES = ("localhost", "localdomain", "local", "internal", "home.arpa", "onion")
# Already percent-encoded stays as it is.
_SAFE = "!$%&'()*+,-./:;=@_~"

# Global by their registry, yet not somebody's server: protocol assignments, the former relay of 6to4, and the address
# at which one cloud's machines ask about themselves.
_NOT_UNICAST = tuple(
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
)
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
# What no setting lets in: where clouds tell a machine's own credentials.
_NEVER = tuple(
    ipaddress.ip_network(each) for each in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddress:
    """An address as it is asked for: `host` an ASCII name in lower case or an IP address, `target` path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def literal(self) -> Address | None:
        """The IP address that stands in the place of a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """Host and port as the header `Host` and the address have them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: what one robots.txt is for."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """The whole address, written in one way only."""
        return self.origin + self.target

    @property
    def secure(self) -> bool:
        """True where the connection is TLS's."""
        return self.scheme == "https"

    def at(self, target: str) -> WebAddress:
        """Another path of the same origin."""
        return WebAddress(scheme=self.scheme, host=self.host, port=self.port, target=target)

    def redirected(self, location: str, ports: Collection[int] = PORTS) -> WebAddress:
        """Where an answer's `Location` leads; URL_REFUSED as `parse`."""
        wanted = quote(location.strip(" \t"), safe=_SAFE + "?#[]\\")
        try:
            url = urljoin(self.url, wanted)
        except ValueError as error:
            raise refused(f"{self.host} redirects to what is no address: {error}") from None
        return parse(url, ports)


def refused(message: str) -> Permanent:
    """The error of an address that is not fetched from."""
    return Permanent("URL_REFUSED", message)


def parse(url: str, ports: Collection[int] = PORTS) -> WebAddress:
    """The parts of an http(s) address; `Permanent` with URL_REFUSED, and a sentence, for every other.

    Refused are other ports than these, user names, names that mean this machine or its network, and whatever two
    parsers could read differently. That its IP addresses are public is for `checked` to say.
    """
    if len(url) > LONGEST:
        raise refused(f"The address is longer than {LONGEST} characters.")
    if _UNWANTED.search(url):
        raise refused("The address holds a blank, a backslash or a control character: write them percent-encoded.")
    if "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        raise refused("An address with a user name is not fetched: leave out all before the @.")
    match = _URL.fullmatch(url)
    if match is None:
        raise refused("This is no address of the form https://HOST/PATH.")
    scheme = match["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise refused(f"Only http and https are fetched, not {scheme}.")
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if port not in ports:
        raise refused(f"Port {port} is not fetched from: only {', '.join(map(str, sorted(ports)))}.")
    path, query = quote(match["path"] or "/", safe=_SAFE), match["query"]
    target = path if query is None else f"{path}?{quote(query, safe=_SAFE + '?')}"
    return WebAddress(scheme=scheme, host=_host(match["host"]), port=port, target=target)


def _host(text: str) -> str:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    name = _ascii(text)
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise refused(f"{text!r} is no name of a host.")
    if _NUMERIC.fullmatch(labels[-1]):
        return _ipv4(name)
    if len(labels) == 1 or name.endswith(tuple(f".{suffix}" for suffix in _INWARD_SUFFIXES)):
        raise refused(f"{text!r} is a name inside of a network: only public names are fetched from.")
    return name


def _ascii(text: str) -> str:
    if text.isascii():
        return text.lower()
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise refused(f"{text!r} is no name of a host.") from None


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise refused(
            f"{text!r} is no IPv4 address as it is commonly written: four numbers, without zeros before."
        ) from None


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise refused(f"{text!r} is no IPv6 address.") from None
    if address.scope_id is not None:
        raise refused("An IPv6 address with a zone is one of this machine's network.")
    return str(address)


def is_public(address: Address) -> bool:
    """True for one server's address in the open internet, reached without any translation or tunnel."""
    if isinstance(address, IPv6Address) and (address not in _GLOBAL_V6 or address.scope_id is not None):
        return False
    unicast = address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
    return unicast and not _within(address, _NOT_UNICAST)


def checked(host: str, addresses: Sequence[str], allowed: Sequence[Network] = ()) -> list[Address]:
    """What the host's name was resolved to, IPv4 first; URL_REFUSED unless every one is public, or allowed.

    One that is not public refuses all: a name that leads inside as well is no public site's.
    """
    found = [ipaddress.ip_address(each) for each in dict.fromkeys(addresses)]
    for address in found:
        if _within(address, _NEVER) or not (is_public(address) or _within(address, allowed)):
            raise refused(f"{host} is at {address}, which is no public address.")
    return sorted(found, key=lambda address: address.version)


def check_literal(address: WebAddress, allowed: Sequence[Network] = ()) -> None:
    """URL_REFUSED if an IP address stands in the place of a name, and is not public: known before anything is asked."""
    if address.literal is not None:
        checked(address.host, [address.host], allowed)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
