"""docs/deployment.md names nothing of this project that is not there. That it works, only a cloud can show."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from cli.main import main as command_line
from tests.infra.builds import read_build
from tests.infra.guide import Guide, anchor
from tests.infra.terraform import state_of

# Made while the guide is followed.
MADE = {
    "infra/.terraform.lock.hcl",
    "infra/terraform.tfvars",
    "infra/bootstrap/terraform.tfvars",
    "infra/bootstrap/backend.tf",
    "infra/bootstrap/terraform.tfstate*",
}
# Read by the command line alone, from its environment.
OF_THE_COMMAND_LINE = {"AI_INFRA_KEY", "AI_INFRA_URL", "AI_INFRA_IDENTITY_TOKEN"}
PLACE = re.compile(r"(?:\.\./)?((?:infra|docs|examples|deployment|migrations|\.ci)/[\w./*-]+)")
STEPS = (
    "The project", "Bootstrap", "Variables", "Apply", "The first key", "The first file", "The first question",
    "Upgrade by pushing to main", "Roll back", "Restore", "Rotate the pepper", "Tear down",
    "What could not be checked without a cloud",
)  # fmt: skip


@pytest.fixture(scope="module")
def guide(root: Path) -> Guide:
    return Guide((root / "docs" / "deployment.md").read_text(encoding="utf-8"))


def test_it_goes_from_the_project_to_its_end(guide: Guide) -> None:
    titles = [re.sub(r"^\d\. ", "", heading) for heading in guide.headings()]
    assert [title for title in titles if title in STEPS] == list(STEPS)


def test_every_block_is_a_shell_script(guide: Guide) -> None:
    for block in guide.blocks("sh"):
        checked = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
        assert checked.returncode == 0, f"{checked.stderr}\n{block}"


def test_every_output_that_a_command_reads_is_there(guide: Guide, root: Path) -> None:
    for folder, name in guide.outputs():
        assert f'output "{name}"' in terraform_text(root / folder), f"{folder} has no output {name}"
    used = {name for folder, name in guide.outputs() if folder == "infra"}
    assert used == {"api_url", "bucket", "first_key_command", "dashboard_url"}


def test_every_variable_that_is_set_is_there(guide: Guide, root: Path) -> None:
    declared = terraform_text(root / "infra") + terraform_text(root / "infra" / "bootstrap")
    for name in guide.variables():
        assert f'variable "{name}"' in declared, name
    assert len(guide.variables()) > 5


def test_every_variable_of_the_table_is_there(guide: Guide, root: Path) -> None:
    section = guide.text[guide.text.index("## 3. Variables") : guide.text.index("## 4. Apply")]
    names = [
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]
    assert names
    for name in names:
        assert f'variable "{name}"' in terraform_text(root / "infra"), name


def test_every_file_is_there(guide: Guide, root: Path) -> None:
    for place in PLACE.findall(guide.text):
        name = place.rstrip(".")
        assert name in MADE or (root / name).exists(), name
    assert all(name in guide.text for name in MADE)


def test_every_link_leads_somewhere(guide: Guide, root: Path) -> None:
    anchors = {anchor(heading) for heading in guide.headings()}
    for link in guide.links():
        if link.startswith("https://"):
            continue
        file, _, within = link.partition("#")
        assert not file or (root / "docs" / file).exists(), link
        assert file or within in anchors, link


def test_every_command_of_ai_infra_exists_with_its_options(guide: Guide) -> None:
    lines = list(guide.command_lines())
    for arguments in lines:
        check_command(command_line, arguments)
    assert len(lines) > 8


@pytest.mark.parametrize(
    "line", ["ask question --projects x", "admin unknown", "admin key revoke", "admin team list x"]
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        check_command(command_line, line.split())


def test_every_command_of_dev_exists(guide: Guide, root: Path) -> None:
    usage = (root / "dev").read_text(encoding="utf-8")
    used = set(re.findall(r"\./dev ([a-z-]+)", guide.text))
    assert used == {"package", "ai-infra"}
    for name in used:
        assert f"./dev {name}" in usage


def test_every_setting_is_read_by_the_command_line(guide: Guide, root: Path) -> None:
    assert guide.settings() == OF_THE_COMMAND_LINE
    read = "".join(file.read_text(encoding="utf-8") for file in (root / "cli").glob("*.py"))
    for name in guide.settings():
        assert name in read


def test_every_step_of_the_pipeline_is_there(guide: Guide, root: Path) -> None:
    section = guide.text[guide.text.index("From then on each push") : guide.text.index("Pull requests run")]
    named = [
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`([\w-]+)`", row)
    ]
    steps = [step.id for step in read_build((root / "cloudbuild.yaml").read_text(encoding="utf-8")).steps]
    assert [name for name in steps if name in named] == named
    assert set(steps) - set(named) == {"settings", "emulators", "terraform", "init"}


def test_every_resource_has_the_name_that_the_guide_calls_it_by(guide: Guide) -> None:
    state = state_of("vertex")
    assert {"ai-infra-migrate", "ai-infra-admin"} == {
        each.values["name"] for each in state.all("google_cloud_run_v2_job")
    }
    assert state.one("google_sql_database_instance.this")["name"] == "ai-infra"
    assert state.one("google_secret_manager_secret.issued_key")["secret_id"] == "ai-infra-issued-key"
    names = set(re.findall(r"\bai-infra-[\w-]+", guide.text))
    assert names == {
        "ai-infra-admin", "ai-infra-issued-key", "ai-infra-key-peppers", "ai-infra-migrate", "ai-infra-then",
    }  # fmt: skip
    for address in re.findall(r"`(google_\w+\.\w+)`", guide.text):
        assert state.of(address), address


def test_the_first_key_command_is_one_of_ai_infra(guide: Guide) -> None:
    command = state_of("vertex").outputs["first_key_command"]
    (arguments,) = re.findall(r"--args=(\S+)", command)
    assert {"TEAM", "PROJECT"} <= set(arguments.split(","))
    check_command(command_line, ["admin", *arguments.split(",")])
    assert "sed 's/TEAM/sales/; s/PROJECT/offers/'" in guide.text
    assert command.count("TEAM") == command.count("PROJECT") == 1


def test_what_it_says_of_numbers_is_so(guide: Guide, root: Path) -> None:
    topology = yaml.safe_load((root / "infra" / "topology.yaml").read_text(encoding="utf-8"))
    assert "what fails twenty times" in guide.text
    assert topology["delivery"]["max_delivery_attempts"] == 20
    assert "in the last seven days" in guide.text
    backup = state_of("vertex").one("google_sql_database_instance.this")["settings"][0]["backup_configuration"][0]
    assert backup["transaction_log_retention_days"] == 7


def terraform_text(folder: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.tf")))


def check_command(group: click.Command, arguments: list[str]) -> None:
    """Raises unless the arguments are a whole command: its name, its options, as many values as it takes."""
    context = click.Context(group)
    while isinstance(group, click.Group):
        assert arguments, f"{group.name} needs a command"
        found = group.get_command(context, arguments[0])
        assert found is not None, f"there is no command {arguments[0]}"
        group, arguments = found, arguments[1:]
        context = click.Context(group, parent=context)
    group.parse_args(click.Context(group), list(arguments))
