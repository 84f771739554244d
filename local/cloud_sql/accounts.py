"""Service accounts: their keys, and the access tokens that their keys are exchanged for."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from local.cloud_sql.names import email
from local.data_folder import write_for_owner

AUDIENCE = "https://oauth2.googleapis.com/token"
TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class Grant:
    """What an access token lets its bearer do, and until when (Unix seconds)."""

    account: str
    scopes: frozenset[str]
    expires: float


class ServiceAccounts:
    """The service accounts of a project. Those in `clients` may connect to the instance (roles/cloudsql.client)."""

    def __init__(self, project: str, names: Iterable[str]) -> None:
        self._project = project
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._grants: dict[str, Grant] = {}
        self.clients = {email(name, project) for name in names}

    def write_key(self, name: str, file: Path, *, token_uri: str) -> None:
        """Write the account's key as GOOGLE_APPLICATION_CREDENTIALS takes it."""
        private = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key = {
            "type": "service_account",
            "project_id": self._project,
            "private_key_id": "stand-in",
            "private_key": private.decode(),
            "client_email": email(name, self._project),
            "token_uri": token_uri,
        }
        write_for_owner(file, json.dumps(key))

    def exchange(self, assertion: str) -> str:
        """An access token for what the key's holder asks and signs for. Raises ValueError for a false signature."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        claims = jwt.decode(assertion, certs=public, audience=AUDIENCE)  # type: ignore[no-untyped-call]
        token = secrets.token_urlsafe()
        scopes = frozenset(claims["scope"].split())
        self._grants[token] = Grant(claims["iss"], scopes, time.time() + TOKEN_SECONDS)
        return token

    def grant(self, token: str, *scopes: str) -> Grant | None:
        """What the token grants, if it is valid and of exactly these scopes."""
        grant = self._grants.get(token)
        return grant if grant and grant.expires > time.time() and grant.scopes == frozenset(scopes) else None
