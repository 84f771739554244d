# Each function and job runs as an account of its own: iam.tf says what each may do.

resource "google_service_account" "function" {
  for_each = local.functions

  account_id   = local.service_name[each.key]
  display_name = "Function ${each.key}"
}

resource "google_service_account" "push" {
  account_id   = "${var.name}-push"
  display_name = "Pub/Sub, where it pushes to functions"
}

resource "google_service_account" "scheduler" {
  account_id   = "${var.name}-scheduler"
  display_name = "Cloud Scheduler, where it calls functions"
}

resource "google_service_account" "migrations" {
  account_id   = "${var.name}-migrations"
  display_name = "Job that migrates the database"
}

resource "google_service_account" "admin" {
  account_id   = "${var.name}-admin"
  display_name = "Job of the operators' commands"
}

resource "google_service_account" "builder" {
  account_id   = "${var.name}-builder"
  display_name = "Builds the functions"
}

locals {
  accounts = merge(google_service_account.function, {
    push       = google_service_account.push
    scheduler  = google_service_account.scheduler
    migrations = google_service_account.migrations
    admin      = google_service_account.admin
    builder    = google_service_account.builder
  })
}

# Whoever deploys something that runs as an account must be allowed to act as it.
resource "google_service_account_iam_member" "deployer" {
  for_each = local.accounts

  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${var.deployer}"
}

# Pub/Sub signs its pushes as this account.
resource "google_service_account_iam_member" "push_tokens" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}
