"""A value that no installation can have is refused, with a sentence, before anything is planned.

The values stand in infra/tests/, for `terraform test`.
"""

from __future__ import annotations

import re

import pytest

from tests.infra.terraform import INFRA, workspace

VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
EXPECTED = re.compile(r"expect_failures\s*=\s*\[(.*?)\]", re.DOTALL)


@pytest.mark.full
def test_terraforms_own_tests_pass() -> None:
    with workspace() as copy:
        copy.init()
        result = copy.terraform("test")

    assert result.ok, result.output


def test_each_variable_that_is_checked_is_refused_in_them() -> None:
    checked = {name for name, body in declared() if "validation {" in body}
    files = [file.read_text(encoding="utf-8") for file in (INFRA / "tests").glob("*.tftest.hcl")]

    refused = {name for file in files for names in EXPECTED.findall(file) for name in re.findall(r"var\.(\w+)", names)}

    assert refused == checked


def test_each_variable_says_what_it_is() -> None:
    assert [name for name, body in declared() if not re.search(r'^  description = ".{10,}"$', body, re.MULTILINE)] == []


def declared() -> list[tuple[str, str]]:
    """Name and body of each variable."""
    return [
        found for file in sorted(INFRA.glob("*.tf")) for found in VARIABLE.findall(file.read_text(encoding="utf-8"))
    ]
