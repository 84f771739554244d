"""Metadata on the command line."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.metadata import metadata_option

KEYS = st.text(min_size=1).filter(lambda key: "=" not in key)


def parsed(*arguments: str) -> dict[str, str]:
    @click.command()
    @metadata_option("Any.")
    def command(metadata: dict[str, str]) -> dict[str, str]:
        return metadata

    found = command.main(list(arguments), standalone_mode=False)
    assert isinstance(found, dict)
    return found


@given(st.dictionaries(KEYS, st.text(), max_size=3))
def test_each_pair_is_told_at_its_first_equals_sign(metadata: dict[str, str]) -> None:
    assert parsed(*(f"--metadata={key}={value}" for key, value in metadata.items())) == metadata


@pytest.mark.parametrize("written", [["novalue"], ["=a"], ["a=b", "a=c"]])
def test_what_is_no_pair_or_says_two_things_is_a_mistake_of_usage(written: list[str]) -> None:
    with pytest.raises(click.BadParameter):
        parsed(*(f"--metadata={each}" for each in written))
