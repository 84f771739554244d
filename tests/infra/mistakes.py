"""Mistakes that somebody might make in infra/, as edits of its files."""

from __future__ import annotations

from dataclasses import dataclass

from tests.infra.terraform import Edit

# Has everything that can be had: uploaders, operators, callers, an index on Vertex AI, alerts.
PROFILE = "full"


@dataclass(frozen=True)
class Mistake:
    """What went wrong, and how the files show it."""

    name: str
    edits: tuple[Edit, ...]


def _mistake(name: str, file: str, old: str, new: str) -> Mistake:
    return Mistake(name, (Edit(file, old, new),))


_ROLES = (
    _mistake(
        "a role widened",
        "iam.tf",
        'uploads     = ["roles/storage.objectViewer"]',
        'uploads     = ["roles/storage.admin"]',
    ),
    _mistake("a primitive role", "iam.tf", "roles/logging.logWriter", "roles/editor"),
    _mistake("a role narrowed", "iam.tf", 'vectors  = ["vectorReader", "vectorWriter"]', 'vectors = ["vectorReader"]'),
    _mistake(
        "a custom role widened",
        "roles.tf",
        '["storage.objects.list"]',
        '["storage.objects.get", "storage.objects.list"]',
    ),
    _mistake(
        "an invoker of every service",
        "scheduler.tf",
        'resource "google_cloud_scheduler_job" "this" {',
        'resource "google_project_iam_member" "invoker" {\n  project = var.project\n  role = "roles/run.invoker"\n'
        "  member = google_service_account.push.member\n}\n\n"
        'resource "google_cloud_scheduler_job" "this" {',
    ),
    _mistake(
        "a policy in place of a member",
        "storage.tf",
        'resource "google_storage_managed_folder_iam_member" "uploader"',
        'resource "google_storage_managed_folder_iam_binding" "uploader"',
    ),
    _mistake(
        "a database login for every instance",
        "iam.tf",
        ' && resource.name == \\"projects/${var.project}/instances/${var.name}\\"',
        "",
    ),
    _mistake(
        "a topic that is not published to",
        "topology.yaml",
        "publishes: []\n    database_role: pipeline\n  reconcile:",
        "publishes: [object-events]\n    database_role: pipeline\n  reconcile:",
    ),
    _mistake(
        "uploaders of the whole bucket",
        "storage.tf",
        "managed_folder = google_storage_managed_folder.team[each.value.team].name",
        'managed_folder = "/"',
    ),
    _mistake("the job's account may read issued keys", "iam.tf", "secretVersionAdder", "secretVersionManager"),
    _mistake(
        "everybody calls the API in mode iam",
        "functions.tf",
        'var.api_access == "public" ? 1 : 0',
        'var.api_access != "" ? 1 : 0',
    ),
)
_MESSAGES = (
    _mistake(
        "dead letters dropped",
        "topology.yaml",
        "  dead_letter_topic: dead-letter\n  max_delivery_attempts: 20\n",
        "",
    ),
    _mistake(
        "nobody reads dead letters",
        "pubsub.tf",
        'resource "google_pubsub_subscription" "this" {\n  for_each = local.subscriptions',
        'resource "google_pubsub_subscription" "this" {\n'
        '  for_each = { for name, value in local.subscriptions : name => value if name != "dead-letter" }',
    ),
    _mistake(
        "a topic for dead letters that nobody reads",
        "topology.yaml",
        "dead_letter_topic: dead-letter",
        "dead_letter_topic: object-events",
    ),
    _mistake(
        "a filter on an attribute that is not there",
        "topology.yaml",
        'eventType = "OBJECT_DELETE"',
        'event = "OBJECT_DELETE"',
    ),
    Mistake(
        "filters swapped",
        (
            Edit("topology.yaml", '"OBJECT_FINALIZE"\n    function: intake', '"OBJECT_DELETE"\n    function: intake'),
            Edit("topology.yaml", '"OBJECT_DELETE"\n    function: retire', '"OBJECT_FINALIZE"\n    function: retire'),
        ),
    ),
    _mistake("filters dropped", "pubsub.tf", "try(each.value.filter, null)", "null"),
    _mistake("an attribute misspelt", "pubsub.tf", "ack_deadline_seconds       =", "ack_deadline_second        ="),
    _mistake("an acknowledgement deadline of a minute", "pubsub.tf", "= each.value.ack_deadline_seconds", "= 60"),
    _mistake(
        "a time-out over the deadline",
        "topology.yaml",
        "ack_deadline_seconds: 600\n  minimum",
        "ack_deadline_seconds: 500\n  minimum",
    ),
    _mistake(
        "no back-off",
        "pubsub.tf",
        'minimum_backoff = "${each.value.minimum_backoff_seconds}s"',
        'minimum_backoff = "0s"',
    ),
    _mistake("subscriptions that expire", "pubsub.tf", 'ttl = ""', 'ttl = "2678400s"'),
    _mistake(
        "an audience missing",
        "pubsub.tf",
        "audience              = google_cloudfunctions2_function.this[each.value.function].service_config[0].uri",
        'audience              = ""',
    ),
    _mistake(
        "pushes as another account",
        "pubsub.tf",
        "service_account_email = google_service_account.push.email",
        "service_account_email = google_service_account.scheduler.email",
    ),
    _mistake(
        "a push to the wrong function",
        "pubsub.tf",
        "push_endpoint = google_cloudfunctions2_function.this[each.value.function]",
        'push_endpoint = google_cloudfunctions2_function.this["intake"]',
    ),
    _mistake("deletions not announced", "storage.tf", '["OBJECT_FINALIZE", "OBJECT_DELETE"]', '["OBJECT_FINALIZE"]'),
)
_UPLOADS = (
    'name                        = "${var.project}-${var.name}-uploads"\n  location                    = var.region\n'
)
_DATA = (
    _mistake(
        "versioning on",
        "storage.tf",
        "versioning {\n    enabled = false\n  }\n\n  soft_delete_policy {\n    retention_duration_seconds = var",
        "versioning {\n    enabled = true\n  }\n\n  soft_delete_policy {\n    retention_duration_seconds = var",
    ),
    _mistake("soft delete off", "storage.tf", "var.soft_delete_days * 86400", "0"),
    _mistake(
        "access lists of objects",
        "storage.tf",
        f"{_UPLOADS}  uniform_bucket_level_access = true",
        f"{_UPLOADS}  uniform_bucket_level_access = false",
    ),
    _mistake(
        "public access only inherited",
        "storage.tf",
        f'{_UPLOADS}  uniform_bucket_level_access = true\n  public_access_prevention    = "enforced"',
        f'{_UPLOADS}  uniform_bucket_level_access = true\n  public_access_prevention    = "inherited"',
    ),
    _mistake("a public address for the database", "database.tf", "ipv4_enabled    = false", "ipv4_enabled    = true"),
    _mistake(
        "no deletion protection", "database.tf", "deletion_protection = var.protect", "deletion_protection = false"
    ),
    _mistake(
        "no point-in-time recovery",
        "database.tf",
        "point_in_time_recovery_enabled = true",
        "point_in_time_recovery_enabled = false",
    ),
    _mistake(
        "no logins by IAM",
        "database.tf",
        'name  = "cloudsql.iam_authentication"\n      value = "on"',
        'name  = "cloudsql.iam_authentication"\n      value = "off"',
    ),
    _mistake(
        "more instances than connections",
        "topology.yaml",
        "max_instances: 5\n    concurrency: 4",
        "max_instances: 70\n    concurrency: 4",
    ),
    _mistake(
        "replicas left to Vertex AI", "vertex.tf", "max_replica_count = var.index_replicas", "max_replica_count = 10"
    ),
    _mistake("vectors compared by another distance", "vertex.tf", "DOT_PRODUCT_DISTANCE", "SQUARED_L2_DISTANCE"),
    _mistake("vectors written in batches", "vertex.tf", "STREAM_UPDATE", "BATCH_UPDATE"),
    _mistake("a value that the provider does not know", "firestore.tf", '"OPTIMISTIC"', '"OPTIMIST"'),
)
_FUNCTIONS = (
    _mistake(
        "threads unlike concurrency",
        "environment.tf",
        "THREADS                   = function.concurrency",
        "THREADS                   = 8",
    ),
    _mistake(
        "functions open to the internet",
        "functions.tf",
        'each.key == "api" ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY"',
        '"ALLOW_ALL"',
    ),
    _mistake(
        "functions under one account",
        "functions.tf",
        "google_service_account.function[each.key].email",
        'google_service_account.function["api"].email',
    ),
    _mistake("processors made by functions", "iam.tf", "roles/documentai.apiUser", "roles/documentai.editor"),
    _mistake("a processor that is not told", "environment.tf", 'if var.ocr == "document_ai"', 'if var.ocr == "local"'),
    _mistake("OCR in every function", "functions.tf", '{ UV_NO_DEFAULT_GROUPS = "1" }', "{}"),
    _mistake("functions before the migration", "functions.tf", "    google_cloud_run_v2_job.migrate,\n", ""),
    _mistake("the migration by hand", "jobs.tf", "  run_execution_token =", "  # run_execution_token ="),
    _mistake("a setting misspelt", "environment.tf", "AI_INFRA_DEPLOYED_INDEX ", "AI_INFRA_INDEX_DEPLOYED "),
    _mistake("a setting that is not read", "environment.tf", "dead_letter = {}", "dead_letter = local.model_name"),
    _mistake(
        "a setting left out",
        "environment.tf",
        "retire      = merge(local.index, local.texts)",
        "retire      = local.index",
    ),
    _mistake(
        "buckets swapped",
        "environment.tf",
        "AI_INFRA_EXTRACTION_BUCKET = google_storage_bucket.extractions.name",
        "AI_INFRA_EXTRACTION_BUCKET = google_storage_bucket.uploads.name",
    ),
    _mistake("a quota spent twice", "environment.tf", "{ embed = 0.8, api = 0.2 }", "{ embed = 1.0, api = 1.0 }"),
    _mistake(
        "peppers in plain sight",
        "environment.tf",
        "{ AI_INFRA_EMBEDDING_MODEL = var.embedding_model }",
        '{ AI_INFRA_EMBEDDING_MODEL = var.embedding_model, AI_INFRA_KEY_PEPPERS = "1:0123456789abcdef" }',
    ),
    _mistake("peppers unpinned", "environment.tf", "version = var.pepper_version", 'version = "latest"'),
    _mistake("the API's login among the pipeline's", "topology.yaml", "database_role: api", "database_role: pipeline"),
    _mistake(
        "a schedule that is late for its function",
        "scheduler.tf",
        "${local.functions[each.value.function].timeout_seconds}s",
        "60s",
    ),
)
MISTAKES = (*_ROLES, *_MESSAGES, *_DATA, *_FUNCTIONS)
