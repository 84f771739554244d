data "google_project" "this" {
  project_id = var.project
}

data "google_storage_project_service_account" "this" {}

locals {
  topology      = yamldecode(file("${path.module}/topology.yaml"))
  topics        = local.topology.topics
  subscriptions = local.topology.subscriptions
  functions     = local.topology.functions
  schedules     = local.topology.schedules

  vertex = var.vector_index == "vertex"

  # A function's name with hyphens, as services and accounts have it.
  service_name = { for function in keys(local.functions) : function => "${var.name}-${replace(function, "_", "-")}" }

  scaling = {
    for name, function in local.functions : name => {
      min = try(coalesce(var.scaling[name].min), function.min_instances)
      max = try(coalesce(var.scaling[name].max), function.max_instances)
    }
  }

  pepper_secret = coalesce(var.pepper_secret, "${var.name}-key-peppers")

  member = "^((user|group|serviceAccount|domain):[^:\\s]+|principal(Set)?://\\S+)$"

  # Google's own accounts, which deliver for us.
  pubsub_agent     = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  storage_agent    = "serviceAccount:${data.google_storage_project_service_account.this.email_address}"
  monitoring_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
}
