# API keys on their way from the operators' command to the operator: a job's output would stay in the log. The peppers
# have their secret from the bootstrap. No secret's value is ever in Terraform's state.
resource "google_secret_manager_secret" "issued_key" {
  secret_id           = "${var.name}-issued-key"
  version_destroy_ttl = "86400s"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_iam_member" "operator" {
  for_each = toset(var.operators)

  secret_id = google_secret_manager_secret.issued_key.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.key
}
