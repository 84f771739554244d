"""Buckets, databases and the vector index: private, and not lost by a slip."""

from __future__ import annotations

from collections.abc import Iterator

from tests.infra.checks.deployment import Deployment, only, services

DAY_SECONDS = 86_400
# Beside the functions' connections: for jobs, operators and Cloud SQL itself.
SPARE_CONNECTIONS = 20


def buckets_are_private(deployment: Deployment) -> Iterator[str]:
    """No object can be made public, by a policy or by a list of its own."""
    for bucket in deployment.state.all("google_storage_bucket"):
        if bucket.values["public_access_prevention"] != "enforced":
            yield f"{bucket.block}: public_access_prevention is {bucket.values['public_access_prevention']}"
        if bucket.values["uniform_bucket_level_access"] is not True:
            yield f"{bucket.block}: objects may have access lists of their own"


def deletions_are_announced_and_undone(deployment: Deployment) -> Iterator[str]:
    """A versioned bucket would announce no deletion; what is deleted comes back for a while, and no extraction does."""
    wanted = {"uploads": deployment.variables.get("soft_delete_days", 7) * DAY_SECONDS, "extractions": 0}
    for name, seconds in wanted.items():
        bucket = deployment.state.one(f"google_storage_bucket.{name}")
        if only(bucket["versioning"]).get("enabled") is not False:
            yield f"bucket {name}: versioning is {bucket['versioning']}, not off"
        found = only(bucket["soft_delete_policy"]).get("retention_duration_seconds")
        if found != seconds:
            yield f"bucket {name}: soft delete keeps objects for {found} s, not {seconds}"
        if bucket["force_destroy"] is deployment.protected:
            yield f"bucket {name}: force_destroy is {bucket['force_destroy']}"


def database_is_private(deployment: Deployment) -> Iterator[str]:
    """Nobody reaches the database from outside, by a password, or without certificates on both sides."""
    instance = deployment.state.one("google_sql_database_instance.this")
    settings = only(instance["settings"])
    addresses = only(settings["ip_configuration"])
    if addresses.get("ipv4_enabled") is not False or addresses.get("authorized_networks"):
        yield "the database has a public address"
    if not addresses.get("private_network"):
        yield "the database has no private address"
    if addresses.get("ssl_mode") != "TRUSTED_CLIENT_CERTIFICATE_REQUIRED":
        yield f"the database takes connections of ssl_mode {addresses.get('ssl_mode')}"
    if settings.get("connector_enforcement") != "REQUIRED":
        yield "the database is reached without the connector"
    if _flags(deployment).get("cloudsql.iam_authentication") != "on":
        yield "the database knows no logins by IAM"
    for user in deployment.state.all("google_sql_user"):
        if user.values["type"] != "CLOUD_IAM_SERVICE_ACCOUNT" or user.values.get("password"):
            yield f"{user.address} is no login by IAM"


def database_survives(deployment: Deployment) -> Iterator[str]:
    """The database is backed up, can be taken back to any minute of a week, and is not destroyed by a slip."""
    instance = deployment.state.one("google_sql_database_instance.this")
    settings = only(instance["settings"])
    backups = only(settings["backup_configuration"])
    if (
        backups.get("enabled") is not True
        or only(backups.get("backup_retention_settings")).get("retained_backups", 0) < 7
    ):
        yield "the database has no backups of a week"
    if backups.get("point_in_time_recovery_enabled") is not True or backups.get("transaction_log_retention_days") != 7:
        yield "the database cannot be taken back to a point in time"
    if not instance["deletion_protection"] is settings["deletion_protection_enabled"] is deployment.protected:
        yield f"the database's deletion protection is {instance['deletion_protection']}"


def database_serves_every_instance(deployment: Deployment) -> Iterator[str]:
    """The database is of the version that the tests run on, and takes the connections of all instances together."""
    instance = deployment.state.one("google_sql_database_instance.this")
    if instance["database_version"] != "POSTGRES_18" or only(instance["settings"])["edition"] != "ENTERPRISE":
        yield f"the database is {instance['database_version']}, edition {only(instance['settings'])['edition']}"
    wanted = SPARE_CONNECTIONS + sum(
        service["max_instance_count"] * (service["max_instance_request_concurrency"] + 2)
        for service in services(deployment).values()
    )
    if int(_flags(deployment).get("max_connections", 0)) < wanted:
        yield f"the database takes {_flags(deployment).get('max_connections')} connections of {wanted}"


def texts_survive(deployment: Deployment) -> Iterator[str]:
    """The chunk texts are in a Firestore database that can be taken back, and is not destroyed by a slip."""
    database = deployment.state.one("google_firestore_database.texts")
    protection = "DELETE_PROTECTION_ENABLED" if deployment.protected else "DELETE_PROTECTION_DISABLED"
    wanted = {
        "type": "FIRESTORE_NATIVE",
        "concurrency_mode": "OPTIMISTIC",
        "delete_protection_state": protection,
        "point_in_time_recovery_enablement": "POINT_IN_TIME_RECOVERY_ENABLED",
    }
    for name, value in wanted.items():
        if database[name] != value:
            yield f"Firestore: {name} is {database[name]}, not {value}"


def vectors_fit(deployment: Deployment) -> Iterator[str]:
    """On Vertex AI, one index of the model's dimensions takes single vectors at once and costs what was asked for."""
    found = [len(deployment.state.of(f"google_vertex_ai_{kind}.chunks")) for kind in _VERTEX]
    wanted = 1 if deployment.vector_index == "vertex" else 0
    if found != [wanted] * len(_VERTEX):
        yield f"there are {found} of {', '.join(_VERTEX)} under vector_index = {deployment.vector_index}"
    elif wanted:
        yield from _index_faults(deployment)


_VERTEX = ("index", "index_endpoint", "index_endpoint_deployed_index")


def _index_faults(deployment: Deployment) -> Iterator[str]:
    index, endpoint, deployed = (deployment.state.one(f"google_vertex_ai_{kind}.chunks") for kind in _VERTEX)
    config = only(only(index["metadata"])["config"])
    replicas = only(deployed["dedicated_resources"])
    count = (replicas.get("min_replica_count"), replicas.get("max_replica_count"))
    asked = deployment.variables.get("index_replicas", 1)
    faults = {
        f"vectors are written by {index['index_update_method']}": index["index_update_method"] != "STREAM_UPDATE",
        f"vectors are compared by {config['distance_measure_type']}": (
            config["distance_measure_type"] != "DOT_PRODUCT_DISTANCE"
        ),
        f"the index has {config['dimensions']} dimensions": (
            config["dimensions"] != deployment.variables.get("embedding_dimensions", 768)
        ),
        "the index cannot be reached": endpoint["public_endpoint_enabled"] is not True,
        "another index is deployed": (deployed["index"], deployed["index_endpoint"]) != (index["id"], endpoint["id"]),
        f"the index has {count} replicas, not {asked}": count != (asked, asked),
    }
    yield from (sentence for sentence, wrong in faults.items() if wrong)


def _flags(deployment: Deployment) -> dict[str, str]:
    settings = only(deployment.state.one("google_sql_database_instance.this")["settings"])
    return {flag["name"]: flag["value"] for flag in settings["database_flags"] or []}
