"""Settings from the environment: what is missing or wrong is named."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.config import CHECK_EMBEDDING_MODEL, LOCAL_EMBEDDING_MODEL, Profile, Settings, VectorIndexKind, load
from common.errors import ConfigurationError
from common.setting import variable

REQUIRED = {
    "AI_INFRA_PROFILE": "local",
    "AI_INFRA_DATABASE_URL": "postgresql+pg8000://nobody@127.0.0.1/none",
    "AI_INFRA_GOOGLE_PROJECT": "project",
    "AI_INFRA_UPLOAD_BUCKET": "uploads",
    "AI_INFRA_EXTRACTION_BUCKET": "extractions",
}
WITH_DEFAULT: list[Any] = [setting for setting in fields(Settings) if variable(setting.name) not in REQUIRED]
NUMBERS = [setting for setting in WITH_DEFAULT if type(setting.default) in {int, float}]
SECRET = "a-secret-of-sixteen-characters"


def problem(changes: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load({**REQUIRED, **changes})
    assert caught.value.reason == "CONFIGURATION"
    return caught.value.message


def test_the_required_settings_are_enough() -> None:
    settings = load(REQUIRED)
    assert (settings.profile, settings.google_project) == (Profile.LOCAL, "project")
    assert not any(each.default is MISSING for each in WITH_DEFAULT)
    assert all(getattr(settings, each.name) == each.default for each in WITH_DEFAULT)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_setting_is_named_with_its_meaning(name: str, empty: bool) -> None:
    environment = {key: value for key, value in REQUIRED.items() if key != name} | ({name: ""} if empty else {})
    with pytest.raises(ConfigurationError, match=f"Set {name}: .+"):
        load(environment)


@pytest.mark.parametrize("setting", WITH_DEFAULT, ids=lambda each: each.name)
def test_an_empty_optional_setting_is_its_default(setting: Any) -> None:
    assert getattr(load({**REQUIRED, variable(setting.name): ""}), setting.name) == setting.default


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda each: each.name)
@pytest.mark.parametrize("text", ["-1", "x", "1,5", "nan", "inf", "1e999", "0x10", " "])
def test_what_is_no_number_within_reason_is_refused(setting: Any, text: str) -> None:
    name = variable(setting.name)
    assert problem({name: text}).startswith(f"{name} cannot be used")
    assert setting.metadata["meaning"] in problem({name: text})


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda each: each.name)
def test_nought_is_refused_where_it_means_nothing(setting: Any) -> None:
    changes = {variable(setting.name): "0"}
    if setting.name in {"chunk_overlap", "query_log_seconds", "failed_message_seconds", "fetch_log_seconds"}:
        assert getattr(load({**REQUIRED, **changes}), setting.name) == 0
    else:
        assert "must be" in problem(changes)


def test_every_number_can_be_set() -> None:
    changes = {variable(each.name): str(each.default * 2) for each in NUMBERS}
    settings = load({**REQUIRED, **changes})
    assert all(getattr(settings, each.name) == each.default * 2 for each in NUMBERS)


@pytest.mark.parametrize("value", ["yes", "1", "True"])
def test_a_switch_is_true_or_false(value: str) -> None:
    assert "must be true or false" in problem({"AI_INFRA_CHECK_AT_START": value})
    assert load({**REQUIRED, "AI_INFRA_CHECK_AT_START": "false"}).check_at_start is False


def test_parts_are_asked_at_start_in_the_cloud_alone() -> None:
    assert load({**REQUIRED, "AI_INFRA_PROFILE": "gcp"}).checked_at_start
    assert not load({**REQUIRED, "AI_INFRA_PROFILE": "gcp", "AI_INFRA_CHECK_AT_START": "false"}).checked_at_start
    assert not load(REQUIRED).checked_at_start


def test_another_profile_is_refused() -> None:
    assert problem({"AI_INFRA_PROFILE": "aws"}).startswith("AI_INFRA_PROFILE cannot be used")
    assert load({**REQUIRED, "AI_INFRA_PROFILE": "gcp"}).profile is Profile.GCP


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"AI_INFRA_PURGE_GRACE_SECONDS": "30"}, "AI_INFRA_PURGE_GRACE_SECONDS"),
        ({"AI_INFRA_EXTRACTION_STEP_SECONDS": "300"}, "AI_INFRA_EXTRACTION_STEP_SECONDS"),
        ({"AI_INFRA_QUESTION_SECONDS": "40"}, "AI_INFRA_QUESTION_SECONDS"),
        ({"AI_INFRA_CHUNK_OVERLAP": "121"}, "AI_INFRA_CHUNK_OVERLAP"),
        ({"AI_INFRA_CHUNK_SIZE": "63"}, "AI_INFRA_CHUNK_SIZE"),
        ({"AI_INFRA_CHUNK_SIZE": "31", "AI_INFRA_CHUNK_OVERLAP": "0"}, "AI_INFRA_CHUNK_SIZE"),
        ({"AI_INFRA_TOP_K": "51"}, "AI_INFRA_TOP_K"),
    ],
)
def test_settings_that_do_not_fit_together_are_named(changes: dict[str, str], named: str) -> None:
    assert named in problem(changes)


@pytest.mark.parametrize(
    ("text", "peppers"),
    [
        (f"1:{SECRET}", {1: SECRET}),
        (f"2:{SECRET}x,1:{SECRET}", {2: f"{SECRET}x", 1: SECRET}),
        (f"1:{SECRET}:with:colons", {1: f"{SECRET}:with:colons"}),
        ("7:" + "x" * 16, {7: "x" * 16}),
    ],
)
def test_peppers_have_versions(text: str, peppers: dict[int, str]) -> None:
    assert load({**REQUIRED, "AI_INFRA_KEY_PEPPERS": text}).peppers == peppers


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"{SECRET}:1",
        f"-1:{SECRET}",
        f":{SECRET}",
        f"1:{SECRET},",
        f"1:{SECRET},1:{SECRET}x",
        "1:" + SECRET[:15],
    ],
)
def test_a_malformed_pepper_is_refused_without_being_told(text: str) -> None:
    message = problem({"AI_INFRA_KEY_PEPPERS": text})
    assert message.startswith("AI_INFRA_KEY_PEPPERS cannot be used")
    assert SECRET[:15] not in message


def test_a_part_that_needs_peppers_says_so() -> None:
    with pytest.raises(ConfigurationError, match="Set AI_INFRA_KEY_PEPPERS"):
        _ = load(REQUIRED).peppers


@given(
    st.sampled_from([variable(each.name) for each in fields(Settings)]),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_value_is_taken_or_refused(name: str, value: str) -> None:
    try:
        settings = load({**REQUIRED, name: value})
    except ConfigurationError as error:
        message = error.message
    else:
        message = name if settings else ""
    assert name in message


def test_the_profile_decides_what_keeps_and_makes_the_vectors() -> None:
    in_cloud = {name: value for name, value in REQUIRED.items() if name != "AI_INFRA_DATABASE_URL"}
    settings = load(in_cloud | {"AI_INFRA_PROFILE": "gcp", "AI_INFRA_VECTOR_INDEX": ""})
    assert (settings.vector_index, settings.embedding_model) == (VectorIndexKind.VERTEX, "gemini-embedding-001")
    settings = load(in_cloud | {"AI_INFRA_PROFILE": "gcp", "AI_INFRA_VECTOR_INDEX": "pgvector"})
    assert settings.vector_index is VectorIndexKind.PGVECTOR


def test_only_profile_local_goes_without_a_model_and_only_if_told_to() -> None:
    assert load(REQUIRED).embedding_model == LOCAL_EMBEDDING_MODEL
    assert load(REQUIRED | {"AI_INFRA_EMBEDDING_MODEL": "token-hashes"}).embedding_model == CHECK_EMBEDDING_MODEL


@pytest.mark.parametrize(("name", "value"), [("VECTOR_INDEX", "vertex"), ("EMBEDDING_MODEL", "gemini-embedding-001")])
def test_a_part_of_the_cloud_is_refused_in_profile_local(name: str, value: str) -> None:
    assert problem({f"AI_INFRA_{name}": value}).startswith(f"AI_INFRA_{name} must be ")
