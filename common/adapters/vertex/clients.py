"""Clients of Vertex AI: Google's own address, or a stand-in on this machine.

Each service is imported where a function first asks for its client.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import grpc
from google.auth.exceptions import DefaultCredentialsError

from common.cloud_settings import CloudSettings
from common.errors import ConfigurationError
from common.setting import variable

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.services.index_service import IndexServiceClient
    from google.cloud.aiplatform_v1.services.match_service import MatchServiceClient
    from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

_LOOPBACK = re.compile(r"(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):\d{1,5}")
# As Google's own channels have them; and a proxy is no way to this machine.
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),
)


class _Deferred:
    """A client that is made when it is first used: the web server forks after import, and no channel survives that."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: object | None = None

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)


def prediction_client(cloud: CloudSettings) -> PredictionServiceClient:
    """The client of the settings' region that embeds and generates."""
    from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

    return client(PredictionServiceClient, cloud)


def index_client(cloud: CloudSettings) -> IndexServiceClient:
    """The client of the settings' region that writes to the vector index."""
    from google.cloud.aiplatform_v1.services.index_service import IndexServiceClient

    return client(IndexServiceClient, cloud)


def match_client(cloud: CloudSettings) -> MatchServiceClient:
    """The client of the vector index's own domain, which searches it."""
    from google.cloud.aiplatform_v1.services.match_service import MatchServiceClient

    return client(MatchServiceClient, cloud, cloud.vector_index_domain)


def client[C](kind: type[C], cloud: CloudSettings, domain: str = "") -> C:
    """A client of this class for the settings' region, or for a public `domain` of its own, made at its first use.

    Where the settings name a stand-in, the client speaks to that one, without credentials and without TLS.
    `ConfigurationError` where the settings' stand-in is elsewhere; at its first use, where the environment has no
    account.
    """
    if cloud.vertex_endpoint and not _LOOPBACK.fullmatch(cloud.vertex_endpoint):
        raise ConfigurationError(
            f"{variable('vertex_endpoint')} must be HOST:PORT on this machine, such as 127.0.0.1:8090:"
            f" {cloud.vertex_endpoint!r} is elsewhere, and documents would leave it without TLS."
        )
    return cast(C, _Deferred(lambda: _made(kind, cloud, domain)))


def _made(kind: Any, cloud: CloudSettings, domain: str) -> object:
    if cloud.vertex_endpoint:
        channel = grpc.insecure_channel(cloud.vertex_endpoint, options=_OPTIONS)
        made: object = kind(transport=kind.get_transport_class("grpc")(channel=channel))
        return made
    try:
        made = kind(client_options={"api_endpoint": domain or regional(cloud.region)})
    except DefaultCredentialsError as error:
        raise ConfigurationError(
            "Google Cloud knows no account here: run as a service account, or set GOOGLE_APPLICATION_CREDENTIALS."
        ) from error
    return made


def regional(region: str) -> str:
    """The address of Vertex AI in a region; `global` has one without."""
    return "aiplatform.googleapis.com" if region == "global" else f"{region}-aiplatform.googleapis.com"
