"""`infra/terraform.tfvars.example` is one that can be used."""

from __future__ import annotations

import re

from tests.infra.terraform import INFRA, workspace

HASH = "0123456789abcdef" * 4


def test_the_example_plans_with_every_suggestion_taken_up() -> None:
    example = (INFRA / "terraform.tfvars.example").read_text(encoding="utf-8")
    taken_up = re.sub(r"^# (?=\w+ += )", "", example, flags=re.MULTILINE)
    with workspace() as folder:
        folder.init()
        filled_in = taken_up.replace("SHA256.zip", f"{HASH}.zip").replace("DIGEST", HASH)
        (folder.path / "terraform.tfvars").write_text(filled_in, encoding="utf-8")

        result = folder.terraform("plan", "-input=false")

    assert result.ok, result.output
    assert "undeclared variable" not in result.output
