resource "google_cloudfunctions2_function" "this" {
  for_each = local.functions

  name        = local.service_name[each.key]
  location    = var.region
  description = "functions/${each.key}"

  build_config {
    runtime           = "python313"
    entry_point       = "main"
    service_account   = google_service_account.builder.id
    docker_repository = var.repository

    # The image holds bytecode that stays valid: see docs/decisions/0013-packaging.md. Only `chunk` has what OCR needs:
    # see docs/decisions/0022-ocr.md.
    environment_variables = merge({
      GOOGLE_FUNCTION_SOURCE = "functions/${each.key}/main.py"
      UV_COMPILE_BYTECODE    = "1"
      PYC_INVALIDATION_MODE  = "UNCHECKED_HASH"
      SOURCE_DATE_EPOCH      = "315532801"
    }, each.key == "chunk" && var.ocr == "local" ? {} : { UV_NO_DEFAULT_GROUPS = "1" })

    source {
      storage_source {
        bucket = var.source_bucket
        object = var.source_object
      }
    }
  }

  service_config {
    available_cpu                    = each.value.cpu
    available_memory                 = each.value.memory
    timeout_seconds                  = each.value.timeout_seconds
    min_instance_count               = local.scaling[each.key].min
    max_instance_count               = local.scaling[each.key].max
    max_instance_request_concurrency = each.value.concurrency
    all_traffic_on_latest_revision   = true
    ingress_settings                 = each.key == "api" ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY"
    service_account_email            = google_service_account.function[each.key].email
    environment_variables            = local.environment[each.key]
    direct_vpc_egress                = "VPC_EGRESS_PRIVATE_RANGES_ONLY"

    direct_vpc_network_interface {
      network    = google_compute_network.this.name
      subnetwork = google_compute_subnetwork.functions.name
    }

    dynamic "secret_environment_variables" {
      for_each = each.key == "api" ? local.secret_environment : {}
      content {
        key        = secret_environment_variables.key
        project_id = var.project
        secret     = secret_environment_variables.value.secret
        version    = secret_environment_variables.value.version
      }
    }
  }

  timeouts {
    create = "30m"
    update = "30m"
  }

  # A function asks its parts before it listens, and is not deployed unless they answer: so the schema, its login, its
  # roles, its topics and the index come first, on the first apply as on every later one.
  depends_on = [
    google_artifact_registry_repository_iam_member.builder,
    google_cloud_run_v2_job.migrate,
    google_firestore_database.texts,
    google_project_iam_member.grant,
    google_pubsub_topic_iam_member.publication,
    google_secret_manager_secret_iam_member.grant,
    google_service_account_iam_member.deployer,
    google_sql_user.function,
    google_storage_bucket_iam_member.grant,
    google_vertex_ai_index_endpoint_deployed_index.chunks,
  ]
}

# Who may call which function. Only `api` is reached from outside of the project.

resource "google_cloud_run_v2_service_iam_member" "push" {
  for_each = toset([for subscription in values(local.subscriptions) : subscription.function])

  name     = google_cloudfunctions2_function.this[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}

resource "google_cloud_run_v2_service_iam_member" "scheduler" {
  for_each = toset([for schedule in values(local.schedules) : schedule.function])

  name     = google_cloudfunctions2_function.this[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

resource "google_cloud_run_v2_service_iam_member" "public" {
  count = var.api_access == "public" ? 1 : 0

  name     = google_cloudfunctions2_function.this["api"].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = toset(var.api_invokers)

  name     = google_cloudfunctions2_function.this["api"].name
  location = var.region
  role     = "roles/run.invoker"
  member   = each.key
}

# `ai-infra admin smoke` asks a question after each deployment.
resource "google_cloud_run_v2_service_iam_member" "admin" {
  count = var.api_access == "iam" ? 1 : 0

  name     = google_cloudfunctions2_function.this["api"].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.admin.member
}

# The uptime check calls the API as Cloud Monitoring.
resource "google_cloud_run_v2_service_iam_member" "uptime" {
  count = var.api_access == "iam" ? 1 : 0

  name     = google_cloudfunctions2_function.this["api"].name
  location = var.region
  role     = "roles/run.invoker"
  member   = local.monitoring_agent
}
