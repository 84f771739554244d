"""infra/bootstrap: made once a project, and what infra/ and the pipeline get of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.infra.builds import read_build
from tests.infra.inventory import Resource, State
from tests.infra.profiles import NEEDED
from tests.infra.terraform import INFRA, Workspace, state_of, workspace

BOOTSTRAP = INFRA / "bootstrap"
GITHUB = {"owner": "acme", "repository": "answers", "app_installation_id": 12345678, "token_secret": "github-token"}
SMALL: Mapping[str, Any] = {"project": "example-project", "region": "europe-west4"}
CONNECTED: Mapping[str, Any] = {**SMALL, "github": GITHUB, "billing_account": "012345-6789AB-CDEF01"}

LIMITED = {"roles/resourcemanager.projectIamAdmin", "roles/secretmanager.admin"}
ADMINISTERS = {
    "roles/aiplatform.admin",
    "roles/cloudfunctions.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudsql.admin",
    "roles/compute.networkAdmin",
    "roles/datastore.owner",
    "roles/iam.roleAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/logging.configWriter",
    "roles/logging.logWriter",
    "roles/monitoring.editor",
    "roles/pubsub.admin",
    "roles/run.admin",
    "roles/servicenetworking.networksAdmin",
    "roles/serviceusage.serviceUsageConsumer",
    "roles/storage.admin",
}

# The API that makes a type of resource and the deployer's role that may, by what the type's name begins with.
MAKERS = {
    "google_artifact_registry": ("artifactregistry", "roles/artifactregistry.admin"),
    "google_billing": ("billingbudgets", "roles/billing.costsManager"),
    "google_cloud_run": ("run", "roles/run.admin"),
    "google_cloud_scheduler": ("cloudscheduler", "roles/cloudscheduler.admin"),
    "google_cloudfunctions2": ("cloudfunctions", "roles/cloudfunctions.admin"),
    "google_compute": ("compute", "roles/compute.networkAdmin"),
    "google_firestore": ("firestore", "roles/datastore.owner"),
    "google_logging": ("logging", "roles/logging.configWriter"),
    "google_monitoring": ("monitoring", "roles/monitoring.editor"),
    "google_project_iam_custom_role": ("iam", "roles/iam.roleAdmin"),
    "google_project": ("cloudresourcemanager", "roles/resourcemanager.projectIamAdmin"),
    "google_pubsub": ("pubsub", "roles/pubsub.admin"),
    "google_secret_manager": ("secretmanager", "roles/secretmanager.admin"),
    "google_service_account": ("iam", "roles/iam.serviceAccountAdmin"),
    "google_service_networking": ("servicenetworking", "roles/servicenetworking.networksAdmin"),
    "google_sql": ("sqladmin", "roles/cloudsql.admin"),
    "google_storage": ("storage", "roles/storage.admin"),
    "google_vertex_ai": ("aiplatform", "roles/aiplatform.admin"),
}


@pytest.fixture(scope="module")
def connected() -> Iterator[tuple[Workspace, State]]:
    """With a repository and a billing account, applied."""
    with workspace(BOOTSTRAP) as folder:
        folder.init()
        yield folder, folder.state(CONNECTED)


@pytest.fixture(scope="module")
def small() -> Iterator[State]:
    """With nothing but what has to be given, applied."""
    with workspace(BOOTSTRAP) as folder:
        folder.init()
        yield folder.state(SMALL)


def grants(state: State, member: str) -> list[Resource]:
    """What the member is given, wherever."""
    return [each for each in state.resources if "role" in each.values and each.values["member"] == member]


def test_a_second_apply_is_empty(connected: tuple[Workspace, State]) -> None:
    found = connected[0].differences()
    assert found.code == 0, found.output


def test_values_that_cannot_be_used_are_refused_each_by_its_sentence() -> None:
    with workspace(BOOTSTRAP) as folder:
        folder.init()
        wrong = ["project=123456", "region=europe-west4-a", "name=a-name-that-is-too-long", "billing_account=mine"]
        result = folder.terraform("plan", "-input=false", *(f"-var={each}" for each in wrong))
    assert not result.ok
    words = re.sub(r"[\s│]+", " ", result.output)
    for sentence in ("must be a project's id", "neither a zone", "4 to 17 lower-case letters", "such as 012345-6789AB"):
        assert sentence in words


def test_the_buckets_are_closed_versioned_and_can_be_had_back(small: State) -> None:
    buckets = {bucket.values["name"]: bucket.values for bucket in small.all("google_storage_bucket")}
    assert buckets.keys() == {"example-project-ai-infra-state", "example-project-ai-infra-sources"}
    for values in buckets.values():
        assert values["public_access_prevention"] == "enforced"
        assert values["uniform_bucket_level_access"] is True
        assert values["versioning"][0]["enabled"] is True
        assert values["soft_delete_policy"][0]["retention_duration_seconds"] >= 7 * 86400


def test_no_rule_deletes_a_state_a_release_or_a_source_archive_that_is_current(small: State) -> None:
    for bucket in small.all("google_storage_bucket"):
        for rule in bucket.values["lifecycle_rule"]:
            (condition,) = rule["condition"]
            assert condition["num_newer_versions"] or set(condition["matches_prefix"]) <= {"plans/", "builds/"}


def test_the_deployer_has_these_roles_and_no_other(connected: tuple[Workspace, State]) -> None:
    state = connected[1]
    member = state.one("google_service_account.deployer")["member"]
    given = [each.values for each in grants(state, member) if each.type == "google_project_iam_member"]
    assert {each["role"] for each in given if each["condition"]} == LIMITED
    assert {each["role"] for each in given if not each["condition"]} == ADMINISTERS
    assert not {"roles/owner", "roles/editor", "roles/viewer", "roles/iam.serviceAccountUser"} & ADMINISTERS
    (billing,) = state.all("google_billing_account_iam_member")
    assert (billing.values["role"], billing.values["member"]) == ("roles/billing.costsManager", member)


def grantable(state: State) -> set[str]:
    """The project roles that the deployer may give."""
    condition = state.of("google_project_iam_member.deployer")["roles/resourcemanager.projectIamAdmin"]["condition"]
    listed = re.search(r"hasOnly\(\[(.*)]\)", condition[0]["expression"])
    assert listed is not None
    return set(re.findall(r'"([^"]+)"', listed[1]))


def given(profile: str) -> set[str]:
    return {each.values["role"] for each in state_of(profile).all("google_project_iam_member")}


def apis(state: State) -> set[str]:
    return {each.values["service"].removesuffix(".googleapis.com") for each in state.all("google_project_service")}


def test_the_deployer_may_give_exactly_the_project_roles_that_infra_gives(small: State) -> None:
    assert grantable(small) == given("vertex")


def test_document_ai_is_turned_on_and_may_be_used_where_it_is_asked_for_alone(small: State) -> None:
    with workspace(BOOTSTRAP) as folder:
        folder.init()
        asked = folder.state({**SMALL, "document_ai": True})
    assert apis(asked) - apis(small) == {"documentai"}
    assert grantable(asked) - grantable(small) == {"roles/documentai.apiUser"} == given("full") - given("vertex")


def test_the_deployer_makes_secrets_and_reads_none(small: State) -> None:
    condition = small.of("google_project_iam_member.deployer")["roles/secretmanager.admin"]["condition"]
    assert 'resource.type != "secretmanager.googleapis.com/SecretVersion"' in condition[0]["expression"]


def test_the_account_that_checks_pull_requests_writes_its_log_and_nothing_else(
    connected: tuple[Workspace, State],
) -> None:
    state = connected[1]
    account = state.one("google_service_account.checker")
    given = [each.values["role"] for each in grants(state, account["member"])]
    assert given == ["roles/logging.logWriter"]
    trigger = state.of("google_cloudbuild_trigger.pull_requests")["github"]
    assert trigger["service_account"] == account["id"]
    assert not trigger["substitutions"]


def test_a_push_to_main_runs_the_pipeline_as_the_deployer_with_every_substitution(
    connected: tuple[Workspace, State], root: Path
) -> None:
    state = connected[1]
    trigger = state.of("google_cloudbuild_trigger.main")["github"]
    build = read_build((root / trigger["filename"]).read_text(encoding="utf-8"))
    assert trigger["substitutions"].keys() == build.substitutions.keys()
    assert all(trigger["substitutions"].values())
    assert trigger["service_account"] == state.one("google_service_account.deployer")["id"]
    assert trigger["repository_event_config"][0]["push"][0]["branch"] == "^main$"
    assert (root / state.of("google_cloudbuild_trigger.pull_requests")["github"]["filename"]).is_file()
    for name, value in trigger["substitutions"].items():
        assert f"{name}={value}" in state.outputs["deploy_command"]


def test_without_a_repository_there_is_no_trigger_and_no_connection(small: State) -> None:
    assert not [name for name in small.types() if name.startswith("google_cloudbuild")]


def test_no_secret_has_its_value_here(connected: tuple[Workspace, State]) -> None:
    assert "google_secret_manager_secret_version" not in connected[1].types()
    assert connected[1].one("google_secret_manager_secret.peppers")["deletion_protection"] is True
    assert "printf '1:%s' \"$(openssl rand -hex 32)\"" in connected[1].outputs["pepper_command"]


def test_all_that_infra_makes_has_its_api_turned_on_and_may_be_made_by_the_deployer(
    connected: tuple[Workspace, State],
) -> None:
    state = connected[1]
    on = apis(state)
    roles = {each.values["role"] for each in grants(state, state.one("google_service_account.deployer")["member"])}
    text = "".join(file.read_text(encoding="utf-8") for file in INFRA.glob("*.tf"))
    for name in set(re.findall(r'^(?:resource|data) "(\w+)"', text, re.MULTILINE)):
        prefix = max((each for each in MAKERS if name.startswith(each)), key=len)
        api, role = MAKERS[prefix]
        assert api in on, f"{name} needs {api}"
        assert role in roles, f"{name} needs {role}"


def test_what_bootstrap_prints_is_all_that_infra_needs_beside_the_release(small: State) -> None:
    with workspace() as folder:
        folder.init()
        (folder.path / "terraform.tfvars").write_text(small.outputs["variables"], encoding="utf-8")
        planned = folder.plan({name: NEEDED[name] for name in ("source_object", "image")})
    assert planned.resources


def test_the_state_of_bootstrap_moves_into_the_bucket_that_it_made(small: State) -> None:
    assert f'bucket = "{small.outputs["state_bucket"]}"' in small.outputs["backend"]
