"""The installations that the tests plan: the variables that each gives, as a terraform.tfvars would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROJECT = "example-project"
REGION = "europe-west4"

_DIGEST = "0123456789abcdef" * 4
_REGISTRY = f"{REGION}-docker.pkg.dev/{PROJECT}"

# What has no default: the same in each profile.
NEEDED: Mapping[str, Any] = {
    "project": PROJECT,
    "region": REGION,
    "source_bucket": f"{PROJECT}-ai-infra-sources",
    "source_object": f"functions/{_DIGEST}.zip",
    "repository": f"projects/{PROJECT}/locations/{REGION}/repositories/ai-infra-functions",
    "image": f"{_REGISTRY}/ai-infra-jobs/ai-infra@sha256:{_DIGEST}",
    "deployer": f"ai-infra-deployer@{PROJECT}.iam.gserviceaccount.com",
}

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "vertex": NEEDED,
    "pgvector": {**NEEDED, "vector_index": "pgvector"},
    "smallest": {
        **NEEDED,
        "name": "mine",
        "vector_index": "pgvector",
        "api_access": "iam",
        "ocr": "off",
        "database_tier": "db-f1-micro",
        "protect": False,
        "scaling": {
            name: {"min": 0, "max": 1}
            for name in ("intake", "chunk", "embed", "record", "retire", "fetch", "dead_letter", "reconcile", "api")
        },
    },
    "full": {
        **NEEDED,
        "name": "answers-of-teams",
        "api_access": "iam",
        "api_invokers": ["group:readers@example.com", "serviceAccount:portal@example-project.iam.gserviceaccount.com"],
        "uploaders": {
            "sales": ["user:ann@example.com", "group:sales@example.com"],
            "support": ["serviceAccount:helpdesk@example-project.iam.gserviceaccount.com"],
        },
        "operators": ["group:operators@example.com"],
        "vector_index": "vertex",
        "ocr": "document_ai",
        "document_ai_processor": f"projects/{PROJECT}/locations/eu/processors/0123456789abcdef",
        "embedding_model": "text-embedding-005",
        "embedding_dimensions": 256,
        "generation_model": "gemini-3.5-flash-lite",
        "thinking_tokens": 512,
        "quotas": {
            "embed_requests": 3000,
            "embed_tokens": 5000000,
            "generate_requests": 2000,
            "generate_tokens": 4000000,
        },
        "scaling": {"api": {"min": 1, "max": 4}, "embed": {"max": 6}},
        "database_tier": "db-custom-2-7680",
        "database_availability": "REGIONAL",
        "database_max_connections": 400,
        "index_machine_type": "e2-standard-16",
        "index_replicas": 2,
        "pepper_secret": "peppers-of-answers",
        "pepper_version": "2",
        "alert_emails": ["watch@example.com", "night@example.com"],
        "billing_account": "012345-6789AB-CDEF01",
        "budget_amount": 500,
        "budget_currency": "USD",
        "soft_delete_days": 30,
        "firestore_location": "eur3",
        "protect": True,
        "release": "again",
        "runbook_url": "https://wiki.example.com/answers/runbook",
        "token_prices": {"embedding": 0.1, "prompt": 0.2, "answer": 0.8},
    },
}
