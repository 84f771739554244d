# Versions are added by a command (output `pepper_command`): no secret's value is ever in a state.
resource "google_secret_manager_secret" "peppers" {
  secret_id           = "${var.name}-key-peppers"
  version_destroy_ttl = "604800s"
  deletion_protection = true

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.this]
}
