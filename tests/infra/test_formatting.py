"""infra/ looks as Terraform's own formatter writes it."""

from __future__ import annotations

from tests.infra.terraform import INFRA, terraform


def test_every_file_is_formatted() -> None:
    result = terraform("fmt", "-check", "-diff", "-recursive", str(INFRA))

    assert result.ok, result.output
