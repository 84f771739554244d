"""Which web addresses are fetched from: the forms in which an inner address hides, and those of ordinary pages."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Permanent
from common.web_addresses import WebAddress, check_literal, checked, is_public, parse

REFUSED = [
    # Loopback, in the forms that C libraries and browsers understand.
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0x7F.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0177.0.0x0.1/",
    "http://127.0.0.01/",
    "http://127.0.0.1.0x/",
    "http://127.127.127.127/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://１２７.0.0.1/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    # Names of this machine or of its network.
    "http://localhost/",
    "http://LOCALHOST./",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "http://loc\u00adalhost/",
    "http://a.localhost/",
    "http://localhost.localdomain/",
    "http://printer.local/",
    "http://metadata/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://METADATA.GOOGLE.INTERNAL./",
    "http://router.home.arpa/",
    # Where clouds tell a machine's credentials.
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::a9fe:a9fe]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    # Ranges that are nobody's server.
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.254/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://192.0.0.1/",
    "http://192.0.0.9/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.255/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[ff0e::1]/",
    "http://[100::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[2606:4700::1%eth0]/",
    "http://[::1/",
    "http://[v1.fe80::a]/",
    # What two parsers read differently.
    "http://user@example.com/",
    "http://user:word@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1@example.com/",
    "http://@example.com/",
    "http://example.com:80@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://example.com\\.evil.com/",
    "http://127.0.0.1\t.example.com/",
    "http://example.com\n/",
    " http://example.com/",
    "http://exa mple.com/",
    "http://example.com\r\nHost:%20inner/",
    "http://ex%61mple.com/",
    "http://127.0.0.1%2eexample.com/",
    "http://example.com:80:443/",
    "http://example..com/",
    "http://.example.com/",
    "http://example.com../",
    "http://-example.com/",
    "http:///example.com/",
    "http:/example.com/",
    "http:example.com",
    "//example.com/",
    "example.com",
    "http://",
    "http://xn--/",
    f"http://{'a' * 64}.com/",
    f"http://{'a.' * 127}com/",
    f"https://example.com/{'a' * 2048}",
    "",
    # Other ports and schemes.
    "http://example.com:22/",
    "http://example.com:8080/",
    "http://example.com:0/",
    "http://example.com:99999/",
    "http://example.com:-80/",
    "http://example.com:8 0/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "data:text/plain,a",
    "javascript:alert(1)",
    "gs://bucket/object",
    "jar:http://example.com!/",
    "unix:///run/docker.sock",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_is_refused(url: str) -> None:
    with pytest.raises(Permanent) as refused:
        check_literal(parse(url))
    assert refused.value.reason == "URL_REFUSED"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTP://EXAMPLE.COM:80/", "http://example.com/"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://example.com:/a", "https://example.com/a"),
        ("https://example.com/a?b=c&d=e%20f#part", "https://example.com/a?b=c&d=e%20f"),
        ("https://example.com?q", "https://example.com/?q"),
        ("https://example.com/a/../b//c", "https://example.com/a/../b//c"),
        ("https://example.com/ä|b", "https://example.com/%C3%A4%7Cb"),
        ("https://example.com/@who?to=me@example.com", "https://example.com/@who?to=me@example.com"),
        ("https://müller.example/", "https://xn--mller-kva.example/"),
        ("https://xn--mller-kva.example/", "https://xn--mller-kva.example/"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("https://1.2.3.example/", "https://1.2.3.example/"),
        ("https://a_b.example/", "https://a_b.example/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700:4700::1111]:443/a", "http://[2606:4700:4700::1111]:443/a"),
        ("http://[2606:4700:4700:0:0:0:0:1111]/", "http://[2606:4700:4700::1111]/"),
    ],
)
def test_an_ordinary_address_is_written_in_one_way(url: str, written: str) -> None:
    address = parse(url)
    check_literal(address)
    assert address.url == written
    assert parse(written) == address


@pytest.mark.parametrize(
    ("location", "led"),
    [
        ("/b", "https://example.com/b"),
        ("b?c", "https://example.com/x/b?c"),
        ("//other.example/b", "https://other.example/b"),
        ("http://other.example:80/ä b", "http://other.example/%C3%A4%20b"),
        ("?q", "https://example.com/x/a?q"),
        ("", "https://example.com/x/a"),
    ],
)
def test_a_redirection_is_read_from_where_it_stands(location: str, led: str) -> None:
    assert parse("https://example.com/x/a").redirected(location).url == led


@pytest.mark.parametrize(
    "location",
    [
        "http://127.1/",
        "//localhost/",
        "ftp://example.com/",
        "http://example.com:22/",
        "//a@example.com/",
        "//[",
        "//[x]/",
    ],
)
def test_a_redirection_is_checked_as_an_address_is(location: str) -> None:
    with pytest.raises(Permanent) as refused:
        parse("https://example.com/").redirected(location)
    assert refused.value.reason == "URL_REFUSED"


def test_a_redirection_ends_no_header() -> None:
    assert parse("https://example.com/").redirected("/a\r\nb: c").url == "https://example.com/a%0D%0Ab:%20c"


@given(st.text())
def test_what_is_let_in_holds_nothing_that_ends_a_header_or_a_host(text: str) -> None:
    try:
        address = parse(f"http://{text}.example/{text}")
    except Permanent:
        return
    assert address.url.isascii()
    assert not set(" \t\r\n\\#") & set(address.url)
    assert not set("/@:?%") & set(address.host)
    assert parse(address.url) == address


def test_one_inner_address_refuses_a_name_as_a_whole() -> None:
    public, inner = "93.184.215.14", "10.0.0.5"
    assert checked("example.com", ["2606:4700::1", public]) == [ip_address(public), ip_address("2606:4700::1")]
    with pytest.raises(Permanent) as refused:
        checked("example.com", [public, inner])
    assert refused.value.reason == "URL_REFUSED"


def test_what_is_allowed_by_hand_is_let_in_but_never_where_credentials_are_told() -> None:
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert checked("wiki.example", ["10.0.0.5"], [ip_network("10.0.0.0/8")]) == [ip_address("10.0.0.5")]
    for told in ("169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200"):
        with pytest.raises(Permanent):
            checked("wiki.example", [told], everything)


@given(st.ip_addresses())
def test_a_public_address_is_a_global_one(address: object) -> None:
    found = ip_address(str(address))
    if is_public(found):
        assert found.is_global
        assert not any((found.is_private, found.is_loopback, found.is_link_local, found.is_multicast))


def test_the_origin_is_kept_at_another_path() -> None:
    assert parse("https://example.com:80/a").at("/robots.txt") == WebAddress(
        scheme="https", host="example.com", port=80, target="/robots.txt"
    )
