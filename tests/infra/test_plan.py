"""Each profile plans, applies to the stand-in, and has then nothing left to do."""

from __future__ import annotations

import pytest

from tests.infra.profiles import PROFILES
from tests.infra.terraform import INFRA, applied, plan_of, state_of, workspace

OTHERS = [pytest.param(name, marks=pytest.mark.full) for name in PROFILES if name != "vertex"]
EACH = ["vertex", *OTHERS]
NEXT = "f" * 64


@pytest.mark.parametrize("profile", EACH)
def test_a_first_apply_only_creates(profile: str) -> None:
    changes = plan_of(profile).changes

    assert set(changes.values()) == {("create",)}
    assert len(state_of(profile).resources) >= len(changes)


@pytest.mark.parametrize("profile", EACH)
def test_a_second_plan_is_empty(profile: str) -> None:
    result = applied(profile).differences()

    assert result.code == 0, result.output


@pytest.mark.parametrize("profile", EACH)
def test_a_profile_gives_no_variable_that_does_not_exist(profile: str) -> None:
    assert plan_of(profile).variables() >= set(PROFILES[profile])


def test_the_largest_profile_gives_every_variable() -> None:
    assert set(PROFILES["full"]) == plan_of("vertex").variables()


def test_a_release_changes_functions_and_jobs_and_replaces_nothing() -> None:
    first = PROFILES["vertex"]
    repository, _, _ = str(first["image"]).partition("@")
    release = {**first, "source_object": f"functions/{NEXT}.zip", "image": f"{repository}@sha256:{NEXT}"}

    changes = applied("vertex").plan(release).changes

    functions = {
        f'google_cloudfunctions2_function.this["{name}"]'
        for name in state_of("vertex").of("google_cloudfunctions2_function.this")
    }
    assert set(changes) == functions | {"google_cloud_run_v2_job.migrate", "google_cloud_run_v2_job.admin"}
    assert set(changes.values()) == {("update",)}


@pytest.mark.full
def test_vertex_has_an_index_deployed_and_pgvector_pays_for_none() -> None:
    kinds = {
        profile: {kind for kind in state_of(profile).types() if kind.startswith("google_vertex_ai")}
        for profile in ("vertex", "pgvector")
    }

    assert kinds["pgvector"] == set()
    assert kinds["vertex"] == {
        "google_vertex_ai_index",
        "google_vertex_ai_index_endpoint",
        "google_vertex_ai_index_endpoint_deployed_index",
    }


@pytest.mark.full
def test_all_can_be_torn_down_once_protection_is_taken_off() -> None:
    protected = PROFILES["vertex"]
    with workspace(INFRA) as copy:
        copy.init()
        copy.state(protected)
        refused = copy.terraform("destroy", "-input=false", "-auto-approve")
        copy.state({**protected, "protect": False})
        done = copy.terraform("destroy", "-input=false", "-auto-approve")
        left = copy.terraform("state", "list")

    assert refused.code == 1
    assert "deletion_protection has to be set to false" in refused.output
    assert done.ok, done.output
    assert left.output == ""
