"""Settings of each profile that are enough to load every function, and lead nowhere."""

from __future__ import annotations

import json
from pathlib import Path

_COMMON = {
    "AI_INFRA_GOOGLE_PROJECT": "example",
    "AI_INFRA_UPLOAD_BUCKET": "documents",
    "AI_INFRA_EXTRACTION_BUCKET": "extractions",
    "AI_INFRA_KEY_PEPPERS": "1:a pepper that signs no key",
}
_INDEX = "projects/1/locations/europe-west4"
_PROFILES = {
    "local": {
        "AI_INFRA_PROFILE": "local",
        "AI_INFRA_DATABASE_URL": "postgresql+pg8000://nobody@127.0.0.1:1/nothing",
    },
    "gcp": {
        "AI_INFRA_PROFILE": "gcp",
        "AI_INFRA_CHECK_AT_START": "false",
        "AI_INFRA_REGION": "europe-west4",
        "AI_INFRA_CLOUD_SQL_INSTANCE": "example:europe-west4:main",
        "AI_INFRA_CLOUD_SQL_USER": "function@example.iam",
        "AI_INFRA_VECTOR_INDEX_NAME": f"{_INDEX}/indexes/2",
        "AI_INFRA_VECTOR_INDEX_ENDPOINT": f"{_INDEX}/indexEndpoints/3",
        "AI_INFRA_VECTOR_INDEX_DOMAIN": "3.europe-west4-1.vdb.vertexai.goog",
        "AI_INFRA_DEPLOYED_INDEX": "chunks",
        "GOOGLE_CLOUD_PROJECT": "example",
    },
}
PROFILES = tuple(_PROFILES)
# What finding out who one is costs belongs to loading; that these log in nowhere does not matter.
_CREDENTIALS = {"type": "authorized_user", "client_id": "nobody", "client_secret": "none", "refresh_token": "none"}


def environment(profile: str, folder: Path) -> dict[str, str]:
    """The variables of a profile; `folder` gets a file of credentials."""
    file = folder / "credentials.json"
    file.write_text(json.dumps(_CREDENTIALS), encoding="utf-8")
    return {**_COMMON, **_PROFILES[profile], "GOOGLE_APPLICATION_CREDENTIALS": str(file)}
