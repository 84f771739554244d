"""cloudbuild.yaml and cloudbuild-check.yaml, as far as they can be checked without Cloud Build."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tests.infra.builds import Build, faults, is_ordered, read_build
from tests.infra.terraform import INFRA, plan_of

FILES = ("cloudbuild.yaml", "cloudbuild-check.yaml")
HOUR, MINUTE = 3600, 60


@pytest.fixture(autouse=True)
def at_the_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Cloud Build runs every step."""
    monkeypatch.chdir(root)


@pytest.fixture
def main() -> Build:
    return read_build(Path("cloudbuild.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES)
def test_a_build_file_has_no_fault(file: str) -> None:
    assert faults(read_build(Path(file).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("waitFor: [plan]", "waitFor: [plans]", "keep-plan waits for plans, which is no earlier step"),
        ("- id: release", "- id: smoke", "smoke stands twice"),
        ("$_SOURCE_BUCKET/functions", "$_SOURCES/functions", "upload uses _SOURCES, which is not declared"),
        ('"gs://$_STATE_BUCKET/plans/$BUILD_ID/"', '"gs://x/$BUILD/"', "keep-plan uses BUILD, which is not declared"),
        ('functions/$$hash.zip"\n', 'functions/$hash.zip"\n', "upload uses hash, which is not declared"),
        ('  _REGION: ""', '  _REGION: ""\n  _ZONE: ""', "the substitution _ZONE is not used"),
        ("--wait || {", "--wait ||| {", "smoke is no shell script"),
        ('args: ["./dev", "lint"]', 'args: ["./devel", "lint"]', "lint runs ./devel, which is no file"),
        ("timeout: 28800s", "timeout: 18000s", "the build's time-out leaves apply less time than its own"),
        ("hash=$$(sha256sum", "hash=$(sha256sum", "upload has a $ that is neither a substitution nor doubled"),
        ("-ceu", "-c", "settings must run its script by bash or sh with -ceu"),
    ],
)
def test_a_fault_in_the_build_is_found(old: str, new: str, fault: str) -> None:
    text = Path("cloudbuild.yaml").read_text(encoding="utf-8")
    assert old in text
    assert [found for found in faults(read_build(text.replace(old, new, 1))) if found.startswith(fault)]


def test_a_field_that_cloud_build_does_not_know_is_found() -> None:
    text = Path("cloudbuild.yaml").read_text(encoding="utf-8").replace("waitFor: [apply]", "waitfor: [apply]")
    with pytest.raises(msgspec.ValidationError, match="waitfor"):
        read_build(text)


def test_the_release_is_checked_packed_planned_applied_and_asked_in_this_order(main: Build) -> None:
    assert is_ordered(
        main, "lint", "test", "package", "upload", "init", "plan", "keep-plan", "apply", "smoke", "release"
    )
    assert is_ordered(main, "test", "image", "init")
    assert is_ordered(main, "settings", "package")


def test_what_is_applied_is_the_plan_that_was_kept(main: Build) -> None:
    assert "-out=../.dev/plan.tfplan" in (main.step("plan").script or "")
    assert (main.step("apply").script or "").endswith("../.dev/plan.tfplan")
    assert ".dev/plan.tfplan" in (main.step("keep-plan").script or "")


def test_every_function_waits_for_the_migration_and_the_migration_for_its_execution() -> None:
    blocks = plan_of("vertex").blocks()
    assert "google_cloud_run_v2_job.migrate" in blocks["google_cloudfunctions2_function.this"]["depends_on"]
    assert "run_execution_token" in blocks["google_cloud_run_v2_job.migrate"]["expressions"]


def test_each_build_migrates_by_a_token_of_its_own(main: Build) -> None:
    """A token names one execution for ever: with the former one, a repeated build or a rollback would be refused."""
    assert 'release = \\"$BUILD_ID\\"' in (main.step("init").script or "")
    token = (INFRA / "jobs.tf").read_text(encoding="utf-8")
    assert re.search(r"run_execution_token = .*var\.release", token)


def test_the_time_out_covers_the_longest_apply(main: Build, root: Path) -> None:
    """An index that is made and deployed, the migration and the functions, one after the other, at their longest."""
    longest = sum(
        create_timeout(root / "infra" / file, resource)
        for file, resource in (
            ("vertex.tf", "google_vertex_ai_index_endpoint_deployed_index"),
            ("jobs.tf", "google_cloud_run_v2_job"),
            ("functions.tf", "google_cloudfunctions2_function"),
        )
    )
    assert longest >= 3 * HOUR
    assert main.step("apply").seconds >= longest


def test_pull_requests_pass_the_steps_of_the_pipeline_and_touch_nothing(main: Build) -> None:
    check = read_build(Path("cloudbuild-check.yaml").read_text(encoding="utf-8"))
    assert check.steps == [main.step(step.id) for step in check.steps]
    assert {step.id for step in check.steps} == {"test"} | main.before("test")
    assert not check.substitutions


def test_terraform_is_of_one_version_that_infra_takes(main: Build, root: Path) -> None:
    images = {step.name for step in main.steps if "terraform" in step.name}
    assert len(images) == 1
    major, minor = images.pop().partition(":")[2].split(".")[:2]
    for versions in (root / "infra" / "versions.tf", root / "infra" / "bootstrap" / "versions.tf"):
        least = re.search(r'required_version = ">= (\d+)\.(\d+), < 2"', versions.read_text(encoding="utf-8"))
        assert least is not None
        assert (int(major), int(minor)) >= (int(least[1]), int(least[2]))


def create_timeout(file: Path, resource: str) -> int:
    """The time-out of creation of the first resource of the type in the file, in seconds."""
    text = file.read_text(encoding="utf-8")
    block = text[text.index(f'resource "{resource}"') :]
    found = re.search(r'timeouts \{[^}]*?create\s*=\s*"(\d+)([hm])"', block)
    assert found is not None, f"{resource} has no time-out in {file.name}"
    return int(found[1]) * {"h": HOUR, "m": MINUTE}[found[2]]
