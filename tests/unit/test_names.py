"""Names of teams and projects."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import names
from common.errors import AiInfraError


def refusal(name: str) -> AiInfraError | None:
    try:
        names.check("team", name)
    except AiInfraError as error:
        return error
    return None


def valid(name: str) -> bool:
    return refusal(name) is None


@pytest.mark.parametrize("name", ["a", "7", "acme", "Acme Corp.", "R-and_D 2", "v1.0", "x" * 63, "deadbeef"])
def test_these_are_names(name: str) -> None:
    assert valid(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "-rf", "_x", " acme", "acme ", "a/b", "a:b", "a\n", "a\0b", "x" * 64, "Müller", "a%2Fb", "٣"],
)
def test_these_are_not(name: str) -> None:
    error = refusal(name)
    assert error is not None
    assert error.reason == "INVALID_NAME"
    assert repr(name) in error.message


@pytest.mark.parametrize(
    "spell",
    [str, lambda identity: identity.hex, lambda identity: str(identity).upper()],
)
def test_an_id_is_not_a_name(spell: object) -> None:
    assert callable(spell)
    assert not valid(spell(uuid4()))


@given(st.text(max_size=70) | st.from_regex(r"[0-9a-f_-]{30,40}", fullmatch=True))
def test_a_name_is_one_part_of_an_object_name_and_never_read_as_an_id(name: str) -> None:
    if valid(name):
        assert f"{name}/project/file".split("/")[0] == name
        with pytest.raises(ValueError, match=r"badly formed|invalid literal"):
            UUID(name)
