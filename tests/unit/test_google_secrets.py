"""Secret Manager, and identity tokens, as they answer over HTTP."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from google.auth import crypt, jwt
from google.oauth2.credentials import Credentials

from common.adapters.google_identity import identity_token
from common.adapters.google_secrets import GoogleSecrets, account
from common.errors import AiInfraError, ConfigurationError, Retryable
from local.cloud_sql.accounts import ServiceAccounts
from local.ports import LOOPBACK, free_ports
from tests.unit.answering_server import AnsweringServer, answering, said

PROJECT = "secrets-test"
VERSION = f"projects/{PROJECT}/secrets/issued-key/versions/3"
VALUE = "aik_abc_a secret"


@pytest.fixture(scope="module")
def server() -> Iterator[AnsweringServer]:
    with answering() as server:
        yield server


@pytest.fixture
def key_file(server: AnsweringServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service account's key, exchanged for tokens at the server."""
    file = tmp_path / "admin.json"
    ServiceAccounts(PROJECT, ["admin"]).write_key("admin", file, token_uri=f"{server.url}/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    return file


def secrets(server: AnsweringServer) -> GoogleSecrets:
    return GoogleSecrets(PROJECT, Credentials(token="a token"), endpoint=server.url)  # type: ignore[no-untyped-call]


def test_a_value_becomes_the_secrets_newest_version(server: AnsweringServer, key_file: Path) -> None:
    assert key_file.exists()
    server.answer(said({"access_token": "a token", "expires_in": 3600}), said({"name": VERSION}))
    assert GoogleSecrets(PROJECT, account(), endpoint=server.url).add("issued-key", VALUE) == VERSION
    assert server.asked == [("POST", "/token"), ("POST", f"/v1/projects/{PROJECT}/secrets/issued-key:addVersion")]
    assert server.keys[-1] == "Bearer a token"
    assert b64decode(json.loads(server.bodies[-1])["payload"]["data"]).decode() == VALUE


@pytest.mark.parametrize(
    ("code", "kind", "reason", "sentence"),
    [
        (404, AiInfraError, "NOT_FOUND", f"There is no secret projects/{PROJECT}/secrets/issued-key: make it first"),
        (403, ConfigurationError, "CONFIGURATION", "grant it roles/secretmanager.secretVersionAdder. A sentence."),
        (429, Retryable, "SECRETS_UNAVAILABLE", "A sentence."),
        (503, Retryable, "SECRETS_UNAVAILABLE", "A sentence."),
        (400, AiInfraError, "SECRET_REFUSED", "A sentence."),
    ],
)
def test_a_refusal_says_what_to_do(
    server: AnsweringServer, code: int, kind: type[AiInfraError], reason: str, sentence: str
) -> None:
    server.answer(said({"error": {"code": code, "message": "A sentence."}}, code))
    with pytest.raises(kind) as caught:
        secrets(server).add("issued-key", VALUE)
    assert caught.value.reason == reason
    assert sentence in caught.value.message
    assert VALUE not in caught.value.message


def test_an_answer_of_something_else_is_told_by_its_code(server: AnsweringServer) -> None:
    server.answer(said(["no error of Google's"], 502))
    with pytest.raises(Retryable, match="502 BAD GATEWAY"):
        secrets(server).add("issued-key", VALUE)


def test_what_does_not_answer_may_be_asked_again() -> None:
    nobody = GoogleSecrets(
        PROJECT,
        Credentials(token="a token"),  # type: ignore[no-untyped-call]
        endpoint=f"http://{LOOPBACK}:{free_ports(1)[0]}",
    )
    with pytest.raises(Retryable):
        nobody.add("issued-key", VALUE)


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "x" * 256])
def test_what_cannot_name_a_secret_is_asked_of_nobody(server: AnsweringServer, name: str) -> None:
    server.answer(said({"name": VERSION}))
    with pytest.raises(AiInfraError, match="cannot name a secret"):
        secrets(server).add(name, VALUE)
    assert server.asked == []


def test_an_account_whose_key_is_no_longer_valid_is_told_so(server: AnsweringServer, key_file: Path) -> None:
    assert key_file.exists()
    server.answer(said({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400))
    with pytest.raises(ConfigurationError, match="credentials are not valid"):
        GoogleSecrets(PROJECT, account(), endpoint=server.url).add("issued-key", VALUE)


def test_without_an_account_it_is_said_how_to_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(ConfigurationError, match="set GOOGLE_APPLICATION_CREDENTIALS"):
        account()
    with pytest.raises(ConfigurationError, match="Run as a service account"):
        identity_token("https://api.example")


def test_an_identity_token_is_for_the_service_that_is_asked(server: AnsweringServer, key_file: Path) -> None:
    key = json.loads(key_file.read_text(encoding="utf-8"))
    signer = crypt.RSASigner.from_service_account_info(key)  # type: ignore[no-untyped-call]
    claims = {"iat": int(time.time()), "exp": int(time.time()) + 3600, "aud": "https://api.example"}
    token = jwt.encode(signer, claims).decode()  # type: ignore[no-untyped-call]
    server.answer(said({"id_token": token}))
    assert identity_token("https://api.example") == token
    assertion = parse_qs(server.bodies[-1].decode())["assertion"][0]
    assert jwt.decode(assertion, verify=False)["target_audience"] == "https://api.example"  # type: ignore[no-untyped-call]
