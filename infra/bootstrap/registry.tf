locals {
  repositories = {
    functions = "What the functions' archive is built into."
    jobs      = "The image of the migration and of the operators' commands."
  }
}

resource "google_artifact_registry_repository" "this" {
  #checkov:skip=CKV_GCP_84:Google's keys encrypt it; a key of our own would guard nothing that the code does not say.
  for_each = local.repositories

  repository_id = "${var.name}-${each.key}"
  location      = var.region
  description   = each.value
  format        = "DOCKER"

  # An image is kept as long as it may be rolled back to.
  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s"
    }
  }

  depends_on = [google_project_service.this]
}
