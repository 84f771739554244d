# What applies infra/, by Cloud Build or by a person who may act as it.

resource "google_service_account" "deployer" {
  account_id   = "${var.name}-deployer"
  display_name = "Applies infra/"
  depends_on   = [google_project_service.this]
}

# What checks pull requests: it writes its log and has no other right, for it runs what anybody proposes.
resource "google_service_account" "checker" {
  account_id   = "${var.name}-checker"
  display_name = "Checks pull requests"
  depends_on   = [google_project_service.this]
}

locals {
  # The only project roles that the deployer may give or take: those that infra/ gives.
  grantable = concat(
    [for role in ["cloudsql.client", "cloudsql.instanceUser", "datastore.user", "datastore.viewer", "logging.logWriter", "storage.objectViewer"] : "roles/${role}"],
    [for role in ["modelCaller", "vectorReader", "vectorWriter"] : "projects/${var.project}/roles/${role}"],
    var.document_ai ? ["roles/documentai.apiUser"] : [],
  )

  secrets = "projects/${data.google_project.this.number}/secrets/${var.name}-"

  # Role -> condition, or null. Each role administers one kind of thing that infra/ makes.
  deployer_roles = {
    "roles/aiplatform.admin"                  = null
    "roles/cloudfunctions.admin"              = null
    "roles/cloudscheduler.admin"              = null
    "roles/cloudsql.admin"                    = null
    "roles/compute.networkAdmin"              = null
    "roles/datastore.owner"                   = null
    "roles/iam.roleAdmin"                     = null
    "roles/iam.serviceAccountAdmin"           = null
    "roles/logging.configWriter"              = null
    "roles/logging.logWriter"                 = null
    "roles/monitoring.editor"                 = null
    "roles/pubsub.admin"                      = null
    "roles/run.admin"                         = null
    "roles/servicenetworking.networksAdmin"   = null
    "roles/serviceusage.serviceUsageConsumer" = null
    "roles/storage.admin"                     = null
    "roles/resourcemanager.projectIamAdmin" = {
      title       = "only the roles of infra"
      expression  = "api.getAttribute(\"iam.googleapis.com/modifiedGrantsByRole\", []).hasOnly(${jsonencode(local.grantable)})"
      description = "Gives and takes no project role but those that the functions and jobs have."
    }
    "roles/secretmanager.admin" = {
      title = "secrets of the installation, no values"
      expression = join(" && ", [
        "resource.type != \"secretmanager.googleapis.com/SecretVersion\"",
        "(resource.type != \"secretmanager.googleapis.com/Secret\" || resource.name.startsWith(\"${local.secrets}\"))",
      ])
      description = "Makes secrets and says who reads them, and reads none."
    }
  }
}

resource "google_project_iam_member" "deployer" {
  #checkov:skip=CKV_GCP_41:No serviceAccountUser on the project; infra/ names each account that the deployer acts as.
  #checkov:skip=CKV_GCP_42:A deployer administers what it deploys; no primitive role, and grants are limited above.
  #checkov:skip=CKV_GCP_49:It makes the accounts of the functions; nobody but Cloud Build and owners act as it.
  for_each = local.deployer_roles

  project = var.project
  role    = each.key
  member  = google_service_account.deployer.member

  dynamic "condition" {
    for_each = each.value == null ? [] : [each.value]
    content {
      title       = condition.value.title
      description = condition.value.description
      expression  = condition.value.expression
    }
  }
}

resource "google_project_iam_member" "checker" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.checker.member
}

# infra/ lets the functions' builder write there, so the deployer may say who does.
resource "google_artifact_registry_repository_iam_member" "deployer" {
  for_each = {
    functions = "roles/artifactregistry.admin"
    jobs      = "roles/artifactregistry.writer"
  }

  location   = var.region
  repository = google_artifact_registry_repository.this[each.key].name
  role       = each.value
  member     = google_service_account.deployer.member
}

resource "google_billing_account_iam_member" "deployer" {
  count = var.billing_account == null ? 0 : 1

  billing_account_id = var.billing_account
  role               = "roles/billing.costsManager"
  member             = google_service_account.deployer.member
}
