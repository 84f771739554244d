"""Who may ask what: API keys, their scopes and their projects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from common import api_keys
from tests.functions.caller import Caller
from tests.functions.installation import PEPPERS, Installation

PROJECTS = "/v1/projects"


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    for name in ("docs", "other"):
        installation.project("acme", name)


@pytest.fixture(scope="module")
def key(installation: Installation) -> str:
    return installation.key("acme")


def answered(installation: Installation, headers: Mapping[str, str], path: str = PROJECTS) -> tuple[int, str]:
    """Status and reason."""
    response = installation.functions["api"].get(path, headers=headers)
    assert ("WWW-Authenticate" in response.headers) == (response.status_code == 401)
    error = (response.json or {}).get("error")
    return response.status_code, error["details"][0]["reason"] if error else ""


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def altered(key: str, place: int) -> str:
    return key[:place] + ("a" if key[place] != "a" else "b") + key[place + 1 :]


def test_a_key_opens_its_teams_resources(installation: Installation, key: str) -> None:
    assert answered(installation, bearer(key)) == (200, "")
    assert answered(installation, {"X-API-Key": key}) == (200, "")
    assert answered(installation, {"Authorization": f"bearer  {key} "}) == (200, "")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": " "},
    ],
)
def test_a_missing_key_is_told(installation: Installation, headers: dict[str, str]) -> None:
    assert answered(installation, headers) == (401, "KEY_MISSING")


@pytest.mark.parametrize(
    "text", ["none", "aik_", "aik_short_secret", "sk_abcdefghijkl_" + "a" * 43, "a" * 10_000, "ключ"]
)
def test_what_has_not_the_shape_of_a_key_is_refused(installation: Installation, text: str) -> None:
    assert answered(installation, bearer(text)) == (401, "KEY_INVALID")


@pytest.mark.parametrize("place", [-1, 20, 5], ids=["last of the secret", "early in the secret", "key id"])
def test_a_key_that_differs_in_one_character_is_refused(installation: Installation, key: str, place: int) -> None:
    assert answered(installation, bearer(altered(key, place))) == (401, "KEY_INVALID")


def test_a_revoked_key_is_refused(installation: Installation) -> None:
    revoked = installation.key("acme")
    assert answered(installation, bearer(revoked)) == (200, "")
    installation.administration.revoke_key(revoked.split("_")[1])
    assert answered(installation, bearer(revoked)) == (401, "KEY_REVOKED")


def test_a_wrong_secret_does_not_learn_that_its_key_was_revoked(installation: Installation) -> None:
    revoked = installation.key("acme")
    installation.administration.revoke_key(revoked.split("_")[1])
    assert answered(installation, bearer(altered(revoked, -1))) == (401, "KEY_INVALID")


def test_a_key_ends_when_it_expires(installation: Installation) -> None:
    now = datetime.now(UTC)
    past, future = (installation.key("acme", expires_at=now + timedelta(hours=hours)) for hours in (-1, 1))
    assert answered(installation, bearer(past)) == (401, "KEY_EXPIRED")
    assert answered(installation, bearer(future)) == (200, "")


def test_a_key_of_a_deleted_team_is_refused(installation: Installation) -> None:
    installation.project("leaving", "docs")
    key = installation.key("leaving")
    assert answered(installation, bearer(key)) == (200, "")
    installation.administration.delete_team("leaving")
    assert answered(installation, bearer(key)) == (401, "KEY_INVALID")


def test_of_two_headers_authorization_counts(installation: Installation, key: str) -> None:
    wrong = altered(key, -1)
    assert answered(installation, {**bearer(key), "X-API-Key": wrong}) == (200, "")
    assert answered(installation, {**bearer(wrong), "X-API-Key": key}) == (401, "KEY_INVALID")


def test_a_key_signed_with_an_older_pepper_is_still_good(installation: Installation, key: str) -> None:
    renewed = {**PEPPERS, 2: "a newer pepper for these tests"}
    peppers = ",".join(f"{version}:{pepper}" for version, pepper in renewed.items())
    api = installation.create("api", login="api", key_peppers=peppers)["api"]
    assert api.get(PROJECTS, headers=bearer(key)).status_code == 200
    forgotten = installation.create("api", login="api", key_peppers=f"2:{renewed[2]}")["api"]
    assert forgotten.get(PROJECTS, headers=bearer(key)).status_code == 401


SCOPE_OF = {
    ("POST", "/v1/projects/<project>:query"): api_keys.QUERY,
    ("POST", "/v1/projects/<project>/documents"): api_keys.WRITE,
    ("POST", "/v1/projects/<project>/documents:upload"): api_keys.WRITE,
    ("DELETE", "/v1/documents/<document>"): api_keys.WRITE,
    ("POST", "/v1/documents/<document>:reprocess"): api_keys.WRITE,
}


def test_every_route_asks_for_a_key_and_for_its_scope(installation: Installation) -> None:
    keys = {scope: installation.key("acme", scopes=[scope]) for scope in api_keys.SCOPES}
    checked = 0
    for rule in installation.routes.iter_rules():
        if rule.rule == "/health":
            continue
        path = rule.rule.replace("<", "").replace(">", "")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            client = installation.functions["api"]
            assert client.open(path, method=method).status_code == 401
            needed = SCOPE_OF.get((method, rule.rule), api_keys.READ)
            for scope, key in keys.items():
                status = client.open(path, method=method, headers=bearer(key)).status_code
                assert (status == 403) == (scope != needed), (method, rule.rule, scope, status)
                checked += 1
    assert checked >= 3 * 13


def test_a_missing_scope_is_named(installation: Installation) -> None:
    key = installation.key("acme", scopes=[api_keys.QUERY])
    error = installation.functions["api"].get(PROJECTS, headers=bearer(key)).json
    assert error is not None
    assert error["error"]["status"] == "PERMISSION_DENIED"
    assert error["error"]["details"][0]["metadata"] == {"scope": "read"}


def test_a_key_bound_to_a_project_sees_no_other(installation: Installation) -> None:
    caller = installation.caller("acme", project="docs")
    assert [project["name"] for project in caller.get(PROJECTS)["projects"]] == ["docs"]
    assert caller.get(f"{PROJECTS}/docs")["name"] == "docs"
    other = installation.administration.project("acme", "other")
    for name in ("other", other.id):
        assert caller("GET", f"{PROJECTS}/{name}").status_code == 404


def test_the_last_use_of_a_key_is_noted_and_its_secret_stored_nowhere(installation: Installation) -> None:
    key = installation.key("acme")
    _, key_id, secret = key.split("_")
    row = "select * from api_keys where key_id = :id"
    assert installation.row(row, id=key_id)["last_used_at"] is None
    Caller(installation.functions["api"], key).get(PROJECTS)
    noted = installation.row(row, id=key_id)
    assert noted["last_used_at"] is not None
    assert secret not in str(noted)
    Caller(installation.functions["api"], key).get(PROJECTS)
    assert installation.row(row, id=key_id)["last_used_at"] == noted["last_used_at"]
