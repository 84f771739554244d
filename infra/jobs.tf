# Brings the schema to its newest version. It runs within `terraform apply`, before the functions are deployed: where
# the image or the logins are others, so is the token, and the apply waits until an execution with it has ended well.
# A token names one execution for ever: after one that failed, `release` makes another.
resource "google_cloud_run_v2_job" "migrate" {
  name                = "${var.name}-migrate"
  location            = var.region
  deletion_protection = false
  run_execution_token = substr(sha256(jsonencode([var.image, var.release, local.database_logins])), 0, 12)

  template {
    template {
      service_account = google_service_account.migrations.email
      max_retries     = 0
      timeout         = "1800s"

      containers {
        image   = var.image
        command = ["python", "-m", "migrations"]

        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }

        dynamic "env" {
          for_each = local.migrate_environment
          content {
            name  = env.key
            value = env.value
          }
        }
      }

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = google_compute_network.this.name
          subnetwork = google_compute_subnetwork.functions.name
        }
      }
    }
  }

  timeouts {
    create = "40m"
    update = "40m"
  }

  depends_on = [
    google_project_iam_member.grant,
    google_service_account_iam_member.deployer,
  ]
}

# `ai-infra admin …`: an execution's arguments are the command's (output `first_key_command`).
resource "google_cloud_run_v2_job" "admin" {
  name                = "${var.name}-admin"
  location            = var.region
  deletion_protection = false

  template {
    template {
      service_account = google_service_account.admin.email
      max_retries     = 0
      timeout         = "3600s" # `admin check` looks at everything

      containers {
        image   = var.image
        command = ["ai-infra", "admin"]
        args    = ["--help"]

        resources {
          limits = { cpu = "1", memory = "1Gi" }
        }

        dynamic "env" {
          for_each = local.admin_environment
          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = local.secret_environment
          content {
            name = env.key
            value_source {
              secret_key_ref {
                secret  = env.value.secret
                version = env.value.version
              }
            }
          }
        }
      }

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = google_compute_network.this.name
          subnetwork = google_compute_subnetwork.functions.name
        }
      }
    }
  }

  depends_on = [
    google_cloud_run_v2_job.migrate,
    google_secret_manager_secret_iam_member.grant,
    google_service_account_iam_member.deployer,
  ]
}

resource "google_cloud_run_v2_job_iam_member" "operator" {
  for_each = toset(var.operators)

  name     = google_cloud_run_v2_job.admin.name
  location = var.region
  role     = google_project_iam_custom_role.this["jobRunner"].name
  member   = each.key
}
