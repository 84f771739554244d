"""What profile `gcp` needs beside the settings of every installation: where the parts on Google Cloud are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from common.errors import ConfigurationError
from common.setting import count, positive, seconds, setting, variable

_LOOPBACK = re.compile(r"http://(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):\d{1,5}")
_INSTANCE = re.compile(r"[a-z0-9.:-]+:[a-z0-9-]+:[a-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSettings:
    """The settings of profile `gcp`. The environment variable of a field is `AI_INFRA_` and its name in capitals."""

    region: str = setting(str, "region of Vertex AI, such as europe-west4")
    vertex_endpoint: str = setting(
        str, "HOST:PORT of a stand-in for Vertex AI on this machine; empty for Google's own", ""
    )
    embedding_model_spec: str = setting(
        str, "JSON of what differs from what is known of the embedding model: route, dimensions, limits", ""
    )
    generation_model: str = setting(str, "Gemini model that answers", "gemini-3.1-flash-lite")
    thinking_tokens: int = setting(count, "most tokens that the model may think with; they are billed", 0)
    answer_tokens: int = setting(positive, "most tokens of an answer where a question sets no limit", 1024)

    vector_index_name: str = setting(str, "projects/…/locations/…/indexes/… of the vector index", "")
    vector_index_endpoint: str = setting(str, "projects/…/locations/…/indexEndpoints/… of the vector index", "")
    vector_index_domain: str = setting(str, "public domain of the vector index's endpoint", "")
    deployed_index: str = setting(str, "id under which the vector index is deployed on its endpoint", "")

    firestore_database: str = setting(str, "Firestore database of the chunk texts", "(default)")

    document_ai_processor: str = setting(
        str, "projects/…/locations/…/processors/… of the Document AI processor that reads scanned pages", ""
    )
    document_ai_endpoint: str = setting(
        str, "http://HOST:PORT of a stand-in for Document AI on this machine; empty for Google's own", ""
    )

    cloud_sql_instance: str = setting(str, "PROJECT:REGION:INSTANCE of the Cloud SQL instance")
    cloud_sql_user: str = setting(str, "database user of this function's service account (IAM)")
    cloud_sql_database: str = setting(str, "name of the database", "ai_infra")
    cloud_sql_ip_type: str = setting(str, "PRIVATE, PUBLIC or PSC", "PRIVATE")
    cloud_sql_api_endpoint: str = setting(
        str, "address of a stand-in for the Cloud SQL Admin API; empty for Google's", ""
    )

    max_instances: int = setting(positive, "most instances of this function: they share the quotas", 1)
    embed_requests_per_minute: int = setting(positive, "quota of embedding requests of the whole project", 1500)
    embed_tokens_per_minute: int = setting(positive, "quota of embedding tokens of the whole project", 1_000_000)
    generate_requests_per_minute: int = setting(positive, "quota of generation requests of the whole project", 1000)
    generate_tokens_per_minute: int = setting(positive, "quota of generation tokens of the whole project", 1_000_000)
    remote_seconds: float = setting(seconds, "longest time of one call to Vertex AI, Firestore or Cloud SQL", 30.0)
    retry_seconds: float = setting(seconds, "longest time that one call is repeated for within a request", 90.0)

    def __post_init__(self) -> None:
        if not _INSTANCE.fullmatch(self.cloud_sql_instance):
            raise ConfigurationError("AI_INFRA_CLOUD_SQL_INSTANCE must be PROJECT:REGION:INSTANCE.")
        if self.cloud_sql_ip_type not in {"PRIVATE", "PUBLIC", "PSC"}:
            raise ConfigurationError("AI_INFRA_CLOUD_SQL_IP_TYPE must be PRIVATE, PUBLIC or PSC.")

    def document_ai_location(self) -> str:
        """Where the Document AI processor is; `ConfigurationError` unless the settings name one."""
        match = re.fullmatch(r"projects/[^/]+/locations/([a-z0-9-]+)/processors/[^/]+", self.document_ai_processor)
        if match is None:
            raise ConfigurationError(
                f"{variable('document_ai_processor')} must be projects/…/locations/…/processors/…: with"
                f" {variable('ocr')} document_ai it reads scanned pages."
            )
        if self.document_ai_endpoint and not _LOOPBACK.fullmatch(self.document_ai_endpoint):
            raise ConfigurationError(
                f"{variable('document_ai_endpoint')} must be http://HOST:PORT on this machine:"
                f" {self.document_ai_endpoint!r} is elsewhere, and documents would leave it without TLS."
            )
        return match[1]

    def check_vector_index(self) -> None:
        """Raise `ConfigurationError` unless the settings of a Vertex AI vector index are there and of one region."""
        for name, collection in (("vector_index_name", "indexes"), ("vector_index_endpoint", "indexEndpoints")):
            match = re.fullmatch(rf"projects/[^/]+/locations/([^/]+)/{collection}/[^/]+", getattr(self, name))
            if match is None:
                raise ConfigurationError(f"{variable(name)} must be projects/…/locations/…/{collection}/….")
            if match[1] != self.region:
                raise ConfigurationError(
                    f"{variable(name)} lies in {match[1]}, and {variable('region')} is {self.region}."
                )
        for name in ("vector_index_domain", "deployed_index"):
            if not getattr(self, name):
                raise ConfigurationError(f"Set {variable(name)}: a vector index on Vertex AI is reached by it.")
