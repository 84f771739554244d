"""The settings of profile `gcp`."""

from __future__ import annotations

import pytest

from common.config import load_cloud
from common.errors import ConfigurationError

REQUIRED = {
    "AI_INFRA_REGION": "europe-west4",
    "AI_INFRA_CLOUD_SQL_INSTANCE": "project:europe-west4:main",
    "AI_INFRA_CLOUD_SQL_USER": "chunk@project.iam",
}
INDEX = {
    "AI_INFRA_VECTOR_INDEX_NAME": "projects/1/locations/europe-west4/indexes/2",
    "AI_INFRA_VECTOR_INDEX_ENDPOINT": "projects/1/locations/europe-west4/indexEndpoints/3",
    "AI_INFRA_VECTOR_INDEX_DOMAIN": "3.europe-west4-1.vdb.vertexai.goog",
    "AI_INFRA_DEPLOYED_INDEX": "chunks",
}


def test_the_required_settings_are_enough() -> None:
    assert load_cloud(REQUIRED).region == "europe-west4"
    load_cloud(REQUIRED | INDEX).check_vector_index()


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Set {name}: .+"):
        load_cloud({key: value for key, value in REQUIRED.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [("CLOUD_SQL_INSTANCE", "main"), ("CLOUD_SQL_INSTANCE", "project:main"), ("CLOUD_SQL_IP_TYPE", "private")],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"AI_INFRA_{name} must be .+"):
        load_cloud(REQUIRED | {f"AI_INFRA_{name}": value})


@pytest.mark.parametrize("name", INDEX)
def test_an_index_that_is_not_wholly_named_is_refused(name: str) -> None:
    settings = load_cloud(REQUIRED | INDEX | {name: ""})
    with pytest.raises(ConfigurationError, match=name):
        settings.check_vector_index()


def test_an_index_in_another_region_is_refused() -> None:
    settings = load_cloud(REQUIRED | INDEX | {"AI_INFRA_REGION": "us-central1"})
    with pytest.raises(ConfigurationError, match="AI_INFRA_REGION is us-central1"):
        settings.check_vector_index()


def test_a_processor_of_document_ai_tells_where_it_is() -> None:
    processor = {"AI_INFRA_DOCUMENT_AI_PROCESSOR": "projects/1/locations/eu/processors/2"}
    assert load_cloud(REQUIRED | processor).document_ai_location() == "eu"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROCESSOR", ""),
        ("PROCESSOR", "projects/1/locations/eu/processors/2/processorVersions/3"),
        ("PROCESSOR", "projects/1/locations/evil.example/processors/2"),
        ("ENDPOINT", "http://documents.example:80"),
    ],
)
def test_a_processor_that_cannot_be_is_refused(name: str, value: str) -> None:
    processor = {"AI_INFRA_DOCUMENT_AI_PROCESSOR": "projects/1/locations/eu/processors/2"}
    settings = load_cloud(REQUIRED | processor | {f"AI_INFRA_DOCUMENT_AI_{name}": value})
    with pytest.raises(ConfigurationError, match=f"AI_INFRA_DOCUMENT_AI_{name} must be"):
        settings.document_ai_location()
