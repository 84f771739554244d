"""Secrets in Secret Manager, over REST: one call is no reason for an SDK."""

from __future__ import annotations

import re
from base64 import b64encode
from http import HTTPStatus

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession
from requests import RequestException, Response

from common.errors import AiInfraError, ConfigurationError, Retryable

ENDPOINT = "https://secretmanager.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_SECONDS = 30.0
# https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


def account() -> Credentials:
    """The account that this runs as. `ConfigurationError` if there is none."""
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except DefaultCredentialsError as error:
        raise ConfigurationError(
            f"Run as a service account, or set GOOGLE_APPLICATION_CREDENTIALS to the file of one's key: {error}"
        ) from None
    return credentials


class GoogleSecrets:
    """See `common.administration.Secrets`."""

    def __init__(self, project: str, credentials: Credentials, *, endpoint: str = ENDPOINT) -> None:
        self._project = project
        self._credentials = credentials
        self._endpoint = endpoint

    def add(self, name: str, value: str) -> str:
        if not _NAME.fullmatch(name):
            raise AiInfraError("INVALID_NAME", f"{name!r} cannot name a secret: use letters, digits, _ and -.")
        url = f"{self._endpoint}/v1/projects/{self._project}/secrets/{name}:addVersion"
        body = {"payload": {"data": b64encode(value.encode()).decode()}}
        try:
            with AuthorizedSession(self._credentials) as session:  # type: ignore[no-untyped-call]
                response: Response = session.post(url, json=body, timeout=_SECONDS)
        except (TransportError, RequestException) as error:
            raise Retryable("SECRETS_UNAVAILABLE", f"Secret Manager did not carry out the work: {error}") from error
        except GoogleAuthError as error:
            raise ConfigurationError(f"This account's credentials are not valid: {error}") from error
        if response.status_code != HTTPStatus.OK:
            raise self._refused(name, response)
        return str(response.json()["name"])

    def _refused(self, name: str, response: Response) -> AiInfraError:
        code, secret = response.status_code, f"projects/{self._project}/secrets/{name}"
        said = _said(response)
        if code == HTTPStatus.NOT_FOUND:
            return AiInfraError("NOT_FOUND", f"There is no secret {secret}: make it first. {said}")
        if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return ConfigurationError(
                f"This account may add no version to {secret}: grant it roles/secretmanager.secretVersionAdder. {said}"
            )
        if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Retryable("SECRETS_UNAVAILABLE", f"Secret Manager did not carry out the work: {said}")
        return AiInfraError("SECRET_REFUSED", f"Secret Manager took no version for {secret}: {said}")


def _said(response: Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return f"{response.status_code} {response.reason}".strip()
