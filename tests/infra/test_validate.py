"""Terraform reads infra/ and infra/bootstrap/, and finds in them nothing that the provider does not know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.infra.standin.schema import provider_schema
from tests.infra.terraform import INFRA, workspace

FOLDERS = [pytest.param(INFRA, id="infra"), pytest.param(INFRA / "bootstrap", id="bootstrap")]
REQUIREMENT = 'source  = "hashicorp/google"\n      version = "~> 8.7"'


@pytest.mark.parametrize("folder", FOLDERS)
def test_terraform_finds_nothing_wrong(folder: Path) -> None:
    with workspace(folder) as copy:
        copy.init()
        result = copy.terraform("validate")

    assert result.ok, result.output
    assert "Warning" not in result.output


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_provider_is_the_one_whose_schema_is_checked(folder: Path) -> None:
    text = (folder / "versions.tf").read_text(encoding="utf-8")

    assert text.count(REQUIREMENT) == 1
    assert re.findall(r"required_version\s+= (.*)", text) == ['">= 1.11, < 2"']
    assert re.fullmatch(r"8\.([7-9]|\d\d+)\.\d+", provider_schema().version)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_other_provider_is_needed(folder: Path) -> None:
    with workspace(folder) as copy:
        copy.init()
        result = copy.terraform("providers")

    assert set(re.findall(r"provider\[([^\]]+)\]", result.output)) == {"registry.terraform.io/hashicorp/google"}
