# Pushes to main are deployed, pull requests are checked. Without var.github nothing of this is made.

locals {
  substitutions = {
    _REGION        = var.region
    _NAME          = var.name
    _STATE_BUCKET  = google_storage_bucket.state.name
    _SOURCE_BUCKET = google_storage_bucket.sources.name
    _IMAGES        = local.repository_urls["jobs"]
  }
  repository_urls = {
    for key in keys(local.repositories) :
    key => "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this[key].repository_id}"
  }
  build_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-cloudbuild.iam.gserviceaccount.com"
  connected   = var.github == null ? {} : { github = var.github }
}

resource "google_secret_manager_secret_iam_member" "build_agent" {
  for_each = local.connected

  secret_id = each.value.token_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = local.build_agent
}

resource "google_cloudbuildv2_connection" "this" {
  for_each = local.connected

  name     = "${var.name}-github"
  location = var.region

  github_config {
    app_installation_id = each.value.app_installation_id
    authorizer_credential {
      oauth_token_secret_version = "projects/${var.project}/secrets/${each.value.token_secret}/versions/${each.value.token_version}"
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.build_agent]
}

resource "google_cloudbuildv2_repository" "this" {
  for_each = local.connected

  name              = each.value.repository
  parent_connection = google_cloudbuildv2_connection.this[each.key].id
  remote_uri        = "https://github.com/${each.value.owner}/${each.value.repository}.git"
}

resource "google_cloudbuild_trigger" "main" {
  for_each = local.connected

  name            = "${var.name}-main"
  description     = "Deploys what is pushed to main"
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.deployer.id
  substitutions   = local.substitutions

  repository_event_config {
    repository = google_cloudbuildv2_repository.this[each.key].id
    push {
      branch = "^main$"
    }
  }

  depends_on = [google_project_iam_member.deployer]
}

resource "google_cloudbuild_trigger" "pull_requests" {
  for_each = local.connected

  name            = "${var.name}-pull-requests"
  description     = "Checks a pull request, without any right in this project"
  location        = var.region
  filename        = "cloudbuild-check.yaml"
  service_account = google_service_account.checker.id

  repository_event_config {
    repository = google_cloudbuildv2_repository.this[each.key].id
    pull_request {
      branch          = "^main$"
      comment_control = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"
    }
  }
}
