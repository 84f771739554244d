"""What the provider fills in by itself: names, addresses and accounts, in the form that Google gives them.

An identity is a template over the resource's own values and over `project`, `region`, `project_number`, `digits` (a
number that is the resource's own) and the identities that stand above it. What no template names gets a value that is
made up from the resource, the same at each run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from tests.infra.standin.values import Path

PROJECT_NUMBER = "1234567890"

_LOCATION = "projects/{project}/locations/{location}"
_REGION = "projects/{project}/locations/{region}"

IDENTITIES: Mapping[str, Mapping[str, str]] = {
    "google_artifact_registry_repository": {
        "id": f"{_LOCATION}/repositories/{{repository_id}}",
        "name": "{repository_id}",
        "registry_uri": "{location}-docker.pkg.dev/{project}/{repository_id}",
    },
    "google_billing_budget": {"name": "{digits}", "id": "billingAccounts/{billing_account}/budgets/{name}"},
    "google_cloud_run_v2_job": {"id": f"{_LOCATION}/jobs/{{name}}"},
    "google_cloud_scheduler_job": {"id": f"{_REGION}/jobs/{{name}}"},
    "google_cloudbuild_trigger": {"trigger_id": "{digits}", "id": f"{_LOCATION}/triggers/{{trigger_id}}"},
    "google_cloudbuildv2_connection": {"id": f"{_LOCATION}/connections/{{name}}"},
    "google_cloudbuildv2_repository": {"id": "{parent_connection}/repositories/{name}"},
    "google_cloudfunctions2_function": {
        "id": f"{_LOCATION}/functions/{{name}}",
        "url": "https://{location}-{project}.cloudfunctions.net/{name}",
        "service_config.uri": "https://{name}-{digits}.a.run.app",
        "service_config.service": f"{_LOCATION}/services/{{name}}",
    },
    "google_compute_global_address": {"id": "projects/{project}/global/addresses/{name}"},
    "google_compute_network": {"id": "projects/{project}/global/networks/{name}"},
    "google_compute_subnetwork": {"id": "projects/{project}/regions/{region}/subnetworks/{name}"},
    "google_firestore_database": {"id": "projects/{project}/databases/{name}"},
    "google_firestore_field": {
        "name": "projects/{project}/databases/{database}/collectionGroups/{collection}/fields/{field}",
        "id": "{name}",
    },
    "google_logging_metric": {"id": "{name}"},
    "google_monitoring_alert_policy": {"name": "projects/{project}/alertPolicies/{digits}", "id": "{name}"},
    "google_monitoring_dashboard": {"id": "projects/{project_number}/dashboards/{digits}"},
    "google_monitoring_notification_channel": {
        "name": "projects/{project}/notificationChannels/{digits}",
        "id": "{name}",
    },
    "google_monitoring_uptime_check_config": {
        "uptime_check_id": "{display_name}-{digits}",
        "name": "projects/{project}/uptimeCheckConfigs/{uptime_check_id}",
        "id": "{name}",
    },
    "google_project": {"number": PROJECT_NUMBER, "id": "projects/{project_id}", "name": "{project_id}"},
    "google_project_iam_custom_role": {"name": "projects/{project}/roles/{role_id}", "id": "{name}"},
    "google_project_service": {"id": "{project}/{service}"},
    "google_pubsub_subscription": {"id": "projects/{project}/subscriptions/{name}"},
    "google_pubsub_topic": {"id": "projects/{project}/topics/{name}"},
    "google_secret_manager_secret": {
        "name": "projects/{project_number}/secrets/{secret_id}",
        "id": "projects/{project}/secrets/{secret_id}",
    },
    "google_service_account": {
        "email": "{account_id}@{project}.iam.gserviceaccount.com",
        "member": "serviceAccount:{email}",
        "name": "projects/{project}/serviceAccounts/{email}",
        "id": "{name}",
        "unique_id": "{digits}",
    },
    "google_sql_database": {"id": "projects/{project}/instances/{instance}/databases/{name}"},
    "google_sql_database_instance": {
        "id": "{name}",
        "connection_name": "{project}:{region}:{name}",
        "service_account_email_address": f"p{PROJECT_NUMBER}-{{digits}}@gcp-sa-cloud-sql.iam.gserviceaccount.com",
    },
    "google_sql_user": {"id": "{name}//{instance}"},
    "google_storage_bucket": {"id": "{name}", "url": "gs://{name}"},
    "google_storage_managed_folder": {"id": "{bucket}/{name}"},
    "google_storage_notification": {"notification_id": "{digits}", "id": "{bucket}/notificationConfigs/{digits}"},
    "google_storage_project_service_account": {
        "email_address": f"service-{PROJECT_NUMBER}@gs-project-accounts.iam.gserviceaccount.com",
        "member": "serviceAccount:{email_address}",
        "id": "{email_address}",
    },
    "google_vertex_ai_index": {"name": "{digits}", "id": f"{_REGION}/indexes/{{name}}"},
    "google_vertex_ai_index_endpoint": {
        "name": "{digits}",
        "id": f"{_REGION}/indexEndpoints/{{name}}",
        "public_endpoint_domain_name": "{digits}.{region}-{project_number}.vdb.vertexai.goog",
    },
    "google_vertex_ai_index_endpoint_deployed_index": {
        "name": "{deployed_index_id}",
        "id": "{index_endpoint}/deployedIndex/{deployed_index_id}",
    },
}


def identities(type_name: str, values: Mapping[str, Any], provider: Mapping[str, Any]) -> Mapping[str, str]:
    """The identities of a resource by dotted path, of those values that it was given."""
    known = {name: value for name, value in values.items() if isinstance(value, str | int)}
    scope = {"project_number": PROJECT_NUMBER, "digits": _digits(type_name, known)}
    scope |= {name: provider[name] for name in ("project", "region") if isinstance(provider.get(name), str)} | known
    found: dict[str, str] = {}
    for path, template in IDENTITIES.get(type_name, {}).items():
        if path not in known:
            found[path] = scope[path] = template.format_map(scope)
    return found


def made_up(type_name: str, path: Path, kind: Any, values: Mapping[str, Any]) -> Any:
    """A value of the kind for what has no identity, the same for the same values."""
    match kind:
        case "string":
            made: Any = f"{type_name}/{'.'.join(path)}/{_digits(type_name, values)}"
        case "number":
            made = 0
        case "bool":
            made = False
        case ["list" | "set", _]:
            made = []
        case ["map", _]:
            made = {}
        case ["object", fields]:
            made = {name: made_up(type_name, (*path, name), inner, values) for name, inner in fields.items()}
        case _:
            made = None
    return made


def _digits(type_name: str, values: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(repr((type_name, sorted(values.items(), key=lambda item: item[0]))).encode()).digest()
    return str(int.from_bytes(digest[:5]))
