"""The script of the one-machine stack's settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.config import load
from common.errors import ConfigurationError
from local.settings import Environment, read_script


def environment(**changes: str) -> Environment:
    return Environment(
        database_url="postgresql+pg8000://api@127.0.0.1:5432/ai_infra",
        storage_endpoint="http://127.0.0.1:4443",
        pubsub_port=8085,
        peppers="1:a-secret-of-sixteen-characters",
        changes=changes,
    )


def test_the_stacks_environment_is_a_whole_configuration() -> None:
    variables = environment(top_k="3").variables()
    settings = load(variables)
    assert (settings.profile, settings.top_k) == ("local", 3)
    assert variables["PUBSUB_EMULATOR_HOST"] == "127.0.0.1:8085"
    assert variables["STORAGE_EMULATOR_HOST"] == "http://127.0.0.1:4443"


@pytest.mark.parametrize("changes", [{"no_such_setting": "1"}, {"top_k": "none"}, {"profile": "nowhere"}])
def test_settings_that_cannot_be_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(changes)).upper() + "|" + next(iter(changes))):
        environment(**changes).variables()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_a_script_is_read_as_it_was_written(value: str) -> None:
    stack = environment(google_project=value)
    assert read_script(stack.script()) == stack.variables()
