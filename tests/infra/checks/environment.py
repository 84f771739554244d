"""The environment of functions and jobs: what their code reads, no more and no less, and of the right parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from common import config
from common.config import Ocr, VectorIndexKind
from common.errors import ConfigurationError
from common.setting import variable
from tests.infra.checks.deployment import Deployment, only, services
from tests.infra.reads import ADMIN, DECLARED, MIGRATE, reads, required

PREFIX = "AI_INFRA_"
# Of the buildpack and of functions-framework.
THREADS, TIMEOUT = "THREADS", "CLOUD_RUN_TIMEOUT_SECONDS"
LOGINS = variable("database_logins")
# What the jobs read beside the settings of an installation.
OTHERS: Mapping[str, frozenset[str]] = {
    ADMIN: frozenset({variable("url")}),
    MIGRATE: frozenset({LOGINS}),
}
ACCOUNTS = {MIGRATE: "migrations"}
_PEPPERS = variable("key_peppers")


@dataclass(frozen=True)
class Environment:
    """The environment variables of a program: those whose values are given, and those that come from a secret."""

    given: Mapping[str, str]
    secret: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """All that begin as the project's settings do."""
        return frozenset(name for name in (*self.given, *self.secret) if name.startswith(PREFIX))


def environments(deployment: Deployment) -> dict[str, Environment]:
    """Of each function, by its name, and of both jobs."""
    found = {
        name: Environment(
            service["environment_variables"] or {},
            frozenset(secret["key"] for secret in service["secret_environment_variables"] or []),
        )
        for name, service in services(deployment).items()
    }
    for name in (ADMIN, MIGRATE):
        job = deployment.state.one(f"google_cloud_run_v2_job.{name}")
        container = only(only(only(job["template"])["template"])["containers"])
        secret = frozenset(each["name"] for each in container["env"] if each["value_source"])
        given = {each["name"]: each["value"] for each in container["env"] if each["name"] not in secret}
        found[name] = Environment(given, secret)
    return found


def settings_are_those_read(deployment: Deployment) -> Iterator[str]:
    """A program is given each setting that it reads and that any is given, and none that it does not read."""
    found = environments(deployment)
    anywhere = {name for each in found.values() for name in each.names}
    for program, each in found.items():
        read = reads(program, VectorIndexKind(deployment.vector_index))
        wanted = {variable(name) for name in required(program)} | OTHERS.get(program, frozenset())
        wanted |= {variable(name) for name in read} & anywhere
        for name in sorted(wanted - each.names):
            yield f"{program} reads {name} and is not given it"
        for name in sorted(each.names - wanted):
            known = name in {variable(field) for field in DECLARED} or name in OTHERS.get(program, frozenset())
            yield f"{program} is given {name}, which it does not read" if known else f"there is no setting {name}"


def settings_can_be_used(deployment: Deployment) -> Iterator[str]:
    """The program's own start takes its environment."""
    for program, each in environments(deployment).items():
        given = dict(each.given) | dict.fromkeys(each.secret, "1:a pepper of the tests")
        try:
            cloud = config.load_cloud(given)
            if program != MIGRATE:
                config.load(given)
            if "deployed_index" in reads(program, VectorIndexKind(deployment.vector_index)):
                cloud.check_vector_index()
            if given.get(variable("ocr")) == Ocr.DOCUMENT_AI:
                cloud.document_ai_location()
        except ConfigurationError as error:
            yield f"{program}: {error.message}"


def settings_name_the_parts(deployment: Deployment) -> Iterator[str]:
    """What a setting names is the part that was made, and the login is the program's own."""
    parts = _parts(deployment)
    for program, each in environments(deployment).items():
        user = deployment.account(ACCOUNTS.get(program, program)).removesuffix(".gserviceaccount.com")
        for name, value in (parts | {"cloud_sql_user": user}).items():
            given = each.given.get(variable(name))
            if given is not None and given != value:
                yield f"{program}: {variable(name)} is {given}, not {value}"


def _parts(deployment: Deployment) -> dict[str, str]:
    state, variables = deployment.state, deployment.variables
    parts = {
        "profile": "gcp",
        "google_project": deployment.project,
        "region": variables["region"],
        "vector_index": deployment.vector_index,
        "upload_bucket": state.one("google_storage_bucket.uploads")["name"],
        "extraction_bucket": state.one("google_storage_bucket.extractions")["name"],
        "cloud_sql_instance": state.one("google_sql_database_instance.this")["connection_name"],
        "cloud_sql_database": state.one("google_sql_database.this")["name"],
        "firestore_database": state.one("google_firestore_database.texts")["name"],
        "embedding_model": variables.get("embedding_model", "gemini-embedding-001"),
        "thinking_tokens": str(variables.get("thinking_tokens", 0)),
        "ocr": variables.get("ocr", "local"),
        "document_ai_processor": variables.get("document_ai_processor", ""),
        "url": services(deployment)["api"]["uri"],
    }
    if deployment.vector_index == VectorIndexKind.VERTEX:
        index, endpoint, deployed = (
            state.one(f"google_vertex_ai_{kind}.chunks")
            for kind in ("index", "index_endpoint", "index_endpoint_deployed_index")
        )
        parts["vector_index_name"] = index["id"]
        parts["vector_index_endpoint"] = endpoint["id"]
        parts["vector_index_domain"] = endpoint["public_endpoint_domain_name"]
        parts["deployed_index"] = deployed["deployed_index_id"]
    return parts


def instances_know_themselves(deployment: Deployment) -> Iterator[str]:
    """Threads, time-out and number of instances are what Cloud Run was told of the function."""
    for name, service in services(deployment).items():
        given = service["environment_variables"] or {}
        concurrency = str(service["max_instance_request_concurrency"])
        wanted = {
            THREADS: concurrency,
            variable("concurrency"): concurrency,
            TIMEOUT: str(service["timeout_seconds"]),
            variable("max_instances"): given.get(variable("max_instances")) and str(service["max_instance_count"]),
        }
        for key, value in wanted.items():
            if given.get(key) != value:
                yield f"function {name}: {key} is {given.get(key)}, not {value}"


def quotas_are_shared(deployment: Deployment) -> Iterator[str]:
    """The functions together call no model oftener than its quota allows."""
    quotas = {
        "embed_requests": 1500,
        "embed_tokens": 1_000_000,
        "generate_requests": 1000,
        "generate_tokens": 1_000_000,
    }
    quotas |= deployment.variables.get("quotas", {})
    given = [service["environment_variables"] or {} for service in services(deployment).values()]
    for quota, limit in quotas.items():
        shares = [int(each[name]) for each in given if (name := variable(f"{quota}_per_minute")) in each]
        if not limit / 2 < sum(shares) <= limit:
            yield f"the functions share {sum(shares)} of the quota {quota}, which is {limit}"


def secrets_are_no_values(deployment: Deployment) -> Iterator[str]:
    """The peppers come from their secret, never as a value that everybody who sees the function reads."""
    for program, each in environments(deployment).items():
        if _PEPPERS in each.given:
            yield f"{program}: {_PEPPERS} is a plain value"


def logins_have_their_groups(deployment: Deployment) -> Iterator[str]:
    """The migration gives each function's login the group that the topology states, and an operator's that of one."""
    wanted = {name: f"ai_infra_{function.database_role}" for name, function in deployment.topology.functions.items()}
    wanted[ADMIN] = "ai_infra_operator"
    users = {deployment.account(name).removesuffix(".gserviceaccount.com"): group for name, group in wanted.items()}
    if wanted["api"] != "ai_infra_api" or list(wanted.values()).count("ai_infra_api") != 1:
        yield "only `api` is bound by row level security"
    text = environments(deployment)[MIGRATE].given.get(LOGINS, "{}")
    if (given := json.loads(text)) != users:
        yield f"the migration grants {given}, not {users}"
