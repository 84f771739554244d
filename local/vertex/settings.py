"""What a stand-in is told: where it stands, what it holds, its limits and its quotas."""

from __future__ import annotations

import msgspec
from grpc import StatusCode

from local.vertex.protocol import RefusedError, not_found


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The place, the index and the limits. A quota of None is none."""

    project: str = "local"
    region: str = "europe-west4"
    index: str = "chunks"
    index_endpoint: str = "chunks"
    deployed_index: str = "chunks"
    index_dimensions: int = 768
    generation_models: tuple[str, ...] = ("gemini-3.1-flash-lite", "gemini-3.5-flash-lite")

    texts_per_request: int = 250
    gemini_texts_per_request: int = 1
    tokens_per_request: int = 20_000
    tokens_per_text: int = 2_048
    datapoints_per_request: int = 100
    invisible_seconds: float = 0.0

    embed_requests_per_minute: int | None = None
    embed_tokens_per_minute: int | None = None
    generate_requests_per_minute: int | None = None
    generate_tokens_per_minute: int | None = None
    minute_seconds: float = 60.0

    def most_texts(self, model: str) -> int:
        """How many texts one request to an embedding model may hold."""
        return self.gemini_texts_per_request if model.startswith("gemini-") else self.texts_per_request

    @property
    def parent(self) -> str:
        """The project and region that every name begins with."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def index_name(self) -> str:
        """What `upsert_datapoints` and `remove_datapoints` name."""
        return f"{self.parent}/indexes/{self.index}"

    @property
    def index_endpoint_name(self) -> str:
        """What `find_neighbors` and `read_index_datapoints` name, beside `deployed_index`."""
        return f"{self.parent}/indexEndpoints/{self.index_endpoint}"

    def check_index(self, name: str) -> None:
        """Refuse another index than the one there is."""
        self._check(name, self.index_name)

    def check_endpoint(self, name: str, deployed_index: str) -> None:
        """Refuse another index endpoint, or another index deployed there."""
        self._check(name, self.index_endpoint_name)
        if deployed_index != self.deployed_index:
            raise not_found(f"DeployedIndex `{deployed_index}` on `{name}`")

    def model(self, name: str) -> str:
        """The last part of a published model's name; refuse one of another project or region."""
        *_, model = name.split("/")
        self._check(name, f"{self.parent}/publishers/google/models/{model}")
        return model

    def _check(self, name: str, expected: str) -> None:
        if name == expected:
            return
        if not name.startswith(f"projects/{self.project}/"):
            sentence = f"Permission denied on resource `{name}` (or it may not exist)."
            raise RefusedError(StatusCode.PERMISSION_DENIED, sentence)
        raise not_found(f"`{name}`")
