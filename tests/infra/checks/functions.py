"""Functions, jobs and the schedule: what runs, as whom, reached by whom, and after what."""

from __future__ import annotations

from collections.abc import Iterator

from tests.infra.checks.deployment import FUNCTION, Deployment, only, services

# What a function asks for before it listens, or is not deployed without.
BEFORE_FUNCTIONS = (
    "google_cloud_run_v2_job.migrate",
    "google_sql_user.function",
    "google_project_iam_member.grant",
    "google_storage_bucket_iam_member.grant",
    "google_secret_manager_secret_iam_member.grant",
    "google_pubsub_topic.this",
    "google_pubsub_topic_iam_member.publication",
    "google_firestore_database.texts",
    "google_vertex_ai_index_endpoint_deployed_index.chunks",
)


def functions_are_as_stated(deployment: Deployment) -> Iterator[str]:
    """Memory, CPU, instances, concurrency and time-outs are those of topology.yaml and `scaling`."""
    found = services(deployment)
    if found.keys() != deployment.topology.functions.keys():
        yield f"functions are {sorted(found)}"
    for name, stated in deployment.topology.functions.items():
        scaling = deployment.variables.get("scaling", {}).get(name, {})
        wanted = {
            "available_cpu": f"{stated.cpu:g}",
            "available_memory": stated.memory,
            "timeout_seconds": stated.timeout_seconds,
            "min_instance_count": scaling.get("min", stated.min_instances),
            "max_instance_count": scaling.get("max", stated.max_instances),
            "max_instance_request_concurrency": stated.concurrency,
            "service_account_email": deployment.account(name),
            "direct_vpc_egress": "VPC_EGRESS_PRIVATE_RANGES_ONLY",
        }
        for setting, value in wanted.items():
            if (given := found.get(name, {}).get(setting)) != value:
                yield f"function {name}: {setting} is {given}, not {value}"


def functions_are_one_archive(deployment: Deployment) -> Iterator[str]:
    """All are built from the archive that was asked for, each at its own entry point, by the builder."""
    for name, values in deployment.state.of(FUNCTION).items():
        build = only(values["build_config"])
        source = only(only(build["source"])["storage_source"])
        if source.get("object") != deployment.variables["source_object"]:
            yield f"function {name} is built from {source.get('object')}"
        variables = build["environment_variables"] or {}
        if variables.get("GOOGLE_FUNCTION_SOURCE") != f"functions/{name}/main.py" or build["entry_point"] != "main":
            yield f"function {name} starts at {variables.get('GOOGLE_FUNCTION_SOURCE')}, {build['entry_point']}"
        if build["runtime"] != "python313" or not build["service_account"].endswith(deployment.account("builder")):
            yield f"function {name} is built for {build['runtime']} by {build['service_account']}"
        reads_scans = name == "chunk" and deployment.variables.get("ocr", "local") == "local"
        if ("UV_NO_DEFAULT_GROUPS" in variables) == reads_scans:
            yield f"function {name} is {'not built' if reads_scans else 'built'} with OCR"


def only_the_api_is_reached(deployment: Deployment) -> Iterator[str]:
    """Traffic from outside reaches `api` alone."""
    for name, service in services(deployment).items():
        wanted = "ALLOW_ALL" if name == "api" else "ALLOW_INTERNAL_ONLY"
        if service["ingress_settings"] != wanted:
            yield f"function {name}: ingress_settings is {service['ingress_settings']}, not {wanted}"


def functions_start_last(deployment: Deployment) -> Iterator[str]:
    """Schema, logins, roles, topics and the index are there before a function that asks them at its start."""
    there = {resource.block for resource in deployment.state.resources}
    for function in deployment.state.all("google_cloudfunctions2_function"):
        if missing := sorted(there.intersection(BEFORE_FUNCTIONS) - function.depends_on):
            yield f"{function.address} does not wait for {', '.join(missing)}"


def jobs_run_as_themselves(deployment: Deployment) -> Iterator[str]:
    """Each job runs the image that was asked for, under its own account; the migration runs with every new image."""
    for name, account in (("migrate", "migrations"), ("admin", "admin")):
        job = deployment.state.one(f"google_cloud_run_v2_job.{name}")
        template = only(only(job["template"])["template"])
        container = only(template["containers"])
        if template["service_account"] != deployment.account(account):
            yield f"job {name} runs as {template['service_account']}"
        if container["image"] != deployment.variables["image"]:
            yield f"job {name} runs {container['image']}"
    if not deployment.state.one("google_cloud_run_v2_job.migrate")["run_execution_token"]:
        yield "the migration does not run within an apply"


def the_clock_calls(deployment: Deployment) -> Iterator[str]:
    """Each schedule calls its function with a token of the scheduler's account, and waits as long as that may take."""
    found = {str(key): job for key, job in deployment.state.of("google_cloud_scheduler_job.this").items()}
    if found.keys() != deployment.topology.schedules.keys():
        yield f"schedules are {sorted(found)}"
    for name, stated in deployment.topology.schedules.items():
        job, service = found.get(name, {}), services(deployment)[stated.function]
        target = only(job.get("http_target"))
        token = only(target.get("oidc_token"))
        given = (
            job.get("schedule"),
            job.get("attempt_deadline"),
            target.get("uri"),
            token.get("audience"),
            token.get("service_account_email"),
        )
        address = service["uri"]
        wanted = (stated.cron, f"{service['timeout_seconds']}s", address, address, deployment.account("scheduler"))
        if given != wanted:
            yield f"schedule {name} is {given}, not {wanted}"


def secrets_stay_out_of_the_state(deployment: Deployment) -> Iterator[str]:
    """No value of a secret is in the state; a function gets one by its pinned version."""
    for resource in deployment.state.resources:
        if resource.type == "google_secret_manager_secret_version":
            yield f"{resource.address} has its value in the state"
    for name, service in services(deployment).items():
        for secret in service["secret_environment_variables"] or []:
            if secret["version"] != deployment.variables.get("pepper_version", "1"):
                yield f"function {name}: {secret['key']} is version {secret['version']} of its secret"
