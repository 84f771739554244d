"""Who this runs as, proved to a service on Cloud Run."""

from __future__ import annotations

from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.oauth2.id_token import fetch_id_token

from common.errors import ConfigurationError, Retryable


def identity_token(audience: str) -> str:
    """An OIDC token of this service account for the service at this URL, valid for an hour at most."""
    try:
        return str(fetch_id_token(Request(), audience))  # type: ignore[no-untyped-call]
    except TransportError as error:
        raise Retryable("IDENTITY_UNAVAILABLE", f"No identity token for {audience} was given: {error}") from error
    except GoogleAuthError as error:
        raise ConfigurationError(f"Run as a service account, which alone has an identity token: {error}") from None
