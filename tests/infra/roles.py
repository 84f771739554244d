"""Who may do what: each account's roles, on exactly these parts. A role more, or one less, is a fault.

A part is written by its kind and name: `bucket uploads`, `topic chunk-batch`, `service embed`. Roles of Google's have
their names without `roles/`; `custom/NAME` is one of the project's own, whose permissions are listed as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.infra.checks.deployment import Deployment, last
from tests.infra.inventory import Resource

type Grants = frozenset[tuple[str, str]]
"""Pairs of a role and the part that it is given on."""

_DATABASE = ("cloudsql.client", "cloudsql.instanceUser")
_MODELS = {("custom/modelCaller", "project")}
_WRITES, _SEARCHES = ("custom/vectorWriter", "project"), ("custom/vectorReader", "project")
PERMISSIONS: Mapping[str, frozenset[str]] = {
    "objectLister": frozenset({"storage.objects.list"}),
    "objectRemover": frozenset({"storage.objects.list", "storage.objects.delete"}),
    "modelCaller": frozenset({"aiplatform.endpoints.predict"}),
    "vectorReader": frozenset({"aiplatform.indexEndpoints.queryVectors"}),
    "vectorWriter": frozenset({"aiplatform.indexes.update"}),
    "jobRunner": frozenset({"run.executions.get", "run.jobs.get", "run.jobs.run", "run.jobs.runWithOverrides"}),
}


def table(deployment: Deployment) -> dict[str, Grants]:
    """The grants of each account and each of Google's agents; those of people come from the variables."""
    database = {(role, "project if database") for role in _DATABASE}
    texts = {("datastore.user", "project if texts")}
    texts_read = {("datastore.viewer", "project if texts")}
    rows = {
        "intake": database | _publishes("document-registered"),
        "chunk": database
        | {("storage.objectViewer", "bucket uploads")}
        | {("storage.objectCreator", "bucket extractions"), ("storage.objectViewer", "bucket extractions")}
        | _publishes("chunk-batch", "document-registered"),
        "embed": database | _MODELS | {_WRITES} | _publishes("batch-embedded", "chunk-batch"),
        "record": database | texts | {_WRITES, _SEARCHES} | _publishes("batch-embedded", "document-retired"),
        "retire": database
        | texts
        | {_WRITES, _SEARCHES}
        | {("custom/objectLister", "bucket uploads"), ("custom/objectRemover", "bucket extractions")}
        | _publishes("document-retired"),
        "fetch": database
        | {("storage.objectCreator", "bucket uploads"), ("storage.objectViewer", "bucket uploads")}
        | {("custom/objectRemover", "bucket uploads")},
        "dead_letter": database,
        "reconcile": database
        | {("custom/objectRemover", "bucket uploads"), ("storage.objectViewer", "bucket uploads")}
        | _publishes("object-events", "document-registered", "document-retired", "url-requested"),
        "api": database
        | texts_read
        | _MODELS
        | {_SEARCHES, ("secretmanager.secretAccessor", "secret key-peppers")}
        | {("storage.objectCreator", "bucket uploads"), ("custom/objectRemover", "bucket uploads")}
        | {("storage.objectViewer", "bucket extractions")}
        | _publishes("document-registered", "document-retired", "url-requested"),
        "migrations": database,
        "admin": database
        | texts_read
        | _MODELS
        | {_SEARCHES, ("secretmanager.secretAccessor", "secret key-peppers")}
        | {("secretmanager.secretVersionAdder", "secret issued-key")}
        | {("custom/objectRemover", "bucket uploads"), ("storage.objectViewer", "bucket uploads")}
        | {("storage.objectViewer", "bucket extractions")}
        | _publishes("object-events", "document-registered", "chunk-batch", "batch-embedded", "document-retired")
        | _publishes("url-requested"),
        "push": {
            ("run.invoker", f"service {name}")
            for name in ("intake", "chunk", "embed", "record", "retire", "fetch", "dead-letter")
        },
        "scheduler": {("run.invoker", "service reconcile")},
        "builder": {
            ("logging.logWriter", "project"),
            ("storage.objectViewer", "project if staging"),
            ("storage.objectViewer", "bucket sources"),
            ("artifactregistry.writer", "repository functions"),
        },
    }
    if deployment.variables.get("ocr") == "document_ai":
        rows["chunk"] |= {("documentai.apiUser", "project")}
    members = {f"serviceAccount:{deployment.account(name)}": grants for name, grants in rows.items()}
    if deployment.vector_index != "vertex":
        members = {member: grants - {_WRITES, _SEARCHES} for member, grants in members.items()}
    for member, grants in _others(deployment, list(rows)).items():
        members[member] = members.get(member, set()) | grants
    return {member: frozenset(grants) for member, grants in members.items()}


def _others(deployment: Deployment, accounts: list[str]) -> dict[str, set[tuple[str, str]]]:
    """Google's agents, the deployer, and the people that the variables name."""
    number = deployment.state.one("data.google_project.this")["number"]
    agent = f"serviceAccount:service-{number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    storage = deployment.state.one("data.google_storage_project_service_account.this")["email_address"]
    subscriptions = ("intake", "retire-object", "chunk", "embed", "record", "retire-document", "fetch")
    found = {
        agent: {("pubsub.subscriber", f"subscription {name}") for name in subscriptions}
        | _publishes("dead-letter")
        | {("iam.serviceAccountTokenCreator", "account push")},
        f"serviceAccount:{storage}": _publishes("object-events"),
        f"serviceAccount:{deployment.variables['deployer']}": {
            ("iam.serviceAccountUser", f"account {name.replace('_', '-')}") for name in accounts
        },
    }
    variables = deployment.variables
    callers = list(variables.get("api_invokers", ()))
    if variables.get("api_access", "public") == "public":
        callers.append("allUsers")
    else:
        callers.append(f"serviceAccount:service-{number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com")
        callers.append(f"serviceAccount:{deployment.account('admin')}")  # `admin smoke` asks over HTTPS
    for member in callers:
        found.setdefault(member, set()).add(("run.invoker", "service api"))
    for member in variables.get("operators", ()):
        found.setdefault(member, set()).update(
            {("custom/jobRunner", "job admin"), ("secretmanager.secretAccessor", "secret issued-key")}
        )
    for team, people in variables.get("uploaders", {}).items():
        for member in people:
            found.setdefault(member, set()).add(("storage.objectUser", f"folder {team} of uploads"))
    return found


def _publishes(*topics: str) -> set[tuple[str, str]]:
    return {("pubsub.publisher", f"topic {topic}") for topic in topics}


def granted(deployment: Deployment) -> dict[str, Grants]:
    """The grants of the state, by member."""
    found: dict[str, set[tuple[str, str]]] = {}
    for resource in _grants(deployment):
        role = str(resource.values["role"])
        short = f"custom/{last(role)}" if role.startswith("projects/") else role.removeprefix("roles/")
        found.setdefault(str(resource.values["member"]), set()).add((short, _part(deployment, resource)))
    return {member: frozenset(grants) for member, grants in found.items()}


def roles_are_those_of_the_table(deployment: Deployment) -> Iterator[str]:
    """Each account has the roles of its row and no others, and there is no other account."""
    wanted, found = table(deployment), granted(deployment)
    for member in sorted(wanted.keys() | found.keys()):
        for role, part in sorted(found.get(member, frozenset()) - wanted.get(member, frozenset())):
            yield f"{member} has {role} on {part}, which the table does not give it"
        for role, part in sorted(wanted.get(member, frozenset()) - found.get(member, frozenset())):
            yield f"{member} lacks {role} on {part}"
    accounts = {str(each.values["member"]) for each in deployment.state.all("google_service_account")}
    for member in sorted(accounts - wanted.keys()):
        yield f"there is an account {member}, which the table does not know"


def custom_roles_are_narrow(deployment: Deployment) -> Iterator[str]:
    """Each of the project's own roles has the permissions of the table and no others."""
    found = {
        str(each.values["role_id"]): frozenset(each.values["permissions"])
        for each in deployment.state.all("google_project_iam_custom_role")
    }
    for name in sorted(PERMISSIONS.keys() | found.keys()):
        if found.get(name) != PERMISSIONS.get(name):
            yield f"custom/{name} has {sorted(found.get(name, ()))}"


def policies_are_added_to(deployment: Deployment) -> Iterator[str]:
    """Nothing takes away who has a role otherwise, and nothing grants on a part that the table has no word for."""
    for resource in deployment.state.resources:
        grants = "_iam_" in resource.type and resource.type != "google_project_iam_custom_role"
        if grants and resource.type not in _PARTS:
            yield f"{resource.address} is of a type that the table of roles does not read"


def _grants(deployment: Deployment) -> Iterator[Resource]:
    return (resource for resource in deployment.state.resources if resource.type in _PARTS)


def _part(deployment: Deployment, resource: Resource) -> str:
    kind, attribute = _PARTS[resource.type]
    part = kind
    if attribute:
        part += f" {_named(deployment, str(resource.values[attribute]))}"
    if attribute == "managed_folder":
        part += f" of {_named(deployment, str(resource.values['bucket']))}"
    for condition in resource.values.get("condition") or []:
        part += f" if {_conditions(deployment).get(condition['expression'], condition['expression'])}"
    return part


def _named(deployment: Deployment, path: str) -> str:
    """A part's own name, without what the installation puts before it."""
    variables = deployment.variables
    given = {variables["source_bucket"]: "sources", variables["repository"]: "functions"}
    given[variables.get("pepper_secret") or f"{deployment.name}-key-peppers"] = "key-peppers"
    given |= {last(full): name for full, name in given.items()}
    name = last(path.rstrip("/")).partition("@")[0]
    own = name.removeprefix(f"{deployment.project}-").removeprefix(f"{deployment.name}-")
    return given.get(name, own)


def _conditions(deployment: Deployment) -> dict[str, str]:
    """The conditions by their expressions: what narrows a role of the project to one part of it."""
    project, name = deployment.project, deployment.name
    number, region = deployment.state.one("data.google_project.this")["number"], deployment.variables["region"]
    instance = f"projects/{project}/instances/{name}"
    return {
        f'resource.service == "sqladmin.googleapis.com" && resource.name == "{instance}"': "database",
        f'resource.name == "projects/{project}/databases/{name}"': "texts",
        f'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-{number}-{region}")': "staging",
    }


# Of each type that grants a role to one member: the kind of its part, and the attribute that names it.
_PARTS: Mapping[str, tuple[str, str]] = {
    "google_project_iam_member": ("project", ""),
    "google_storage_bucket_iam_member": ("bucket", "bucket"),
    "google_storage_managed_folder_iam_member": ("folder", "managed_folder"),
    "google_pubsub_topic_iam_member": ("topic", "topic"),
    "google_pubsub_subscription_iam_member": ("subscription", "subscription"),
    "google_secret_manager_secret_iam_member": ("secret", "secret_id"),
    "google_cloud_run_v2_service_iam_member": ("service", "name"),
    "google_cloud_run_v2_job_iam_member": ("job", "name"),
    "google_service_account_iam_member": ("account", "service_account_id"),
    "google_artifact_registry_repository_iam_member": ("repository", "repository"),
}
