"""Fetches of web addresses: the objects that they become, and the settings that bound them."""

from __future__ import annotations

from ipaddress import ip_network
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import config, names
from common.errors import AiInfraError, ConfigurationError, Permanent
from common.model.fetches import object_name
from common.web_addresses import parse

TEAM, PROJECT = UUID(int=1), UUID(int=2)
NEEDED = {
    "AI_INFRA_PROFILE": "local",
    "AI_INFRA_DATABASE_URL": "postgresql+pg8000://api@127.0.0.1/ai",
    "AI_INFRA_GOOGLE_PROJECT": "local",
    "AI_INFRA_UPLOAD_BUCKET": "documents",
    "AI_INFRA_EXTRACTION_BUCKET": "extractions",
}


@pytest.mark.parametrize(
    ("url", "host", "leaf"),
    [
        ("https://example.com/a/handbook.pdf?v=2", "example.com", "handbook.pdf"),
        ("https://example.com/a/", "example.com", "a"),
        ("https://example.com/", "example.com", "example.com"),
        ("https://example.com/a/..", "example.com", "example.com"),
        ("https://example.com/.hidden", "example.com", "hidden"),
        ("https://example.com/a%2fb", "example.com", "a%2fb"),
    ],
)
def test_an_object_is_known_by_its_last_part(url: str, host: str, leaf: str) -> None:
    team, project, way, at, digest, last = object_name(TEAM, PROJECT, url).split("/")
    assert (team, project, way, at, last) == (str(TEAM), str(PROJECT), "url", host, leaf)
    assert len(digest) == 32


def test_another_query_is_another_object() -> None:
    assert object_name(TEAM, PROJECT, "https://example.com/?a") != object_name(TEAM, PROJECT, "https://example.com/?b")


@given(st.text(), st.text())
def test_every_address_has_a_name_that_an_object_can_have(path: str, query: str) -> None:
    try:
        address = parse(f"https://example.com/{path}?{query}")
    except Permanent:
        return
    name = object_name(TEAM, PROJECT, address.url)
    prefix = f"{TEAM}/{PROJECT}/"
    names.check_path(name.removeprefix(prefix), prefix)
    assert all(len(part) <= 255 for part in name.split("/"))


@pytest.mark.parametrize("path", ["", "a//b", "/a", "a/", "../a", "a/./b", "a\nb", "a\0", "a" * 1020])
def test_what_cannot_name_an_object_is_refused(path: str) -> None:
    with pytest.raises(AiInfraError) as refused:
        names.check_path(path, "team/")
    assert refused.value.reason == "INVALID_NAME"


def test_ports_and_networks_are_lists() -> None:
    settings = config.load(
        {**NEEDED, "AI_INFRA_URL_PORTS": "80,8080", "AI_INFRA_URL_ALLOWED_NETWORKS": "10.0.0.0/8, fd00::/8"}
    )
    assert settings.url_ports == {80, 8080}
    assert settings.url_allowed_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert config.load(NEEDED).url_allowed_networks == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AI_INFRA_URL_PORTS", "http"),
        ("AI_INFRA_URL_PORTS", "0"),
        ("AI_INFRA_URL_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("AI_INFRA_URL_ALLOWED_NETWORKS", "everything"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        config.load({**NEEDED, name: value})
