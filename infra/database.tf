locals {
  # Each request that an instance serves has a connection, and its pool two more (common/adapters/postgres/connection.py);
  # the rest is for jobs, operators and Cloud SQL itself.
  database_connections = 20 + sum([
    for name, function in local.functions : local.scaling[name].max * (function.concurrency + 2)
  ])

  # Login -> group that the migration puts it into: row level security is the group's.
  database_logins = merge(
    { for name, function in local.functions : google_sql_user.function[name].name => "ai_infra_${function.database_role}" },
    { (google_sql_user.admin.name) = "ai_infra_operator" },
  )
}

resource "google_sql_database_instance" "this" {
  #checkov:skip=CKV_GCP_108:All connections come from one subnetwork and by IAM; names would cost a look-up for each.
  #checkov:skip=CKV_GCP_110:It would log statements, and in them what customers' documents and questions say.
  #checkov:skip=CKV_GCP_111:It would log statements, and in them what customers' documents and questions say.
  #checkov:skip=CKV2_GCP_13:Query insights measure each statement without a line of the log for it.
  name                = var.name
  region              = var.region
  database_version    = "POSTGRES_18"
  deletion_protection = var.protect

  settings {
    tier = var.database_tier
    # Not the default from PostgreSQL 16 on, which takes no machine of our size.
    edition                     = "ENTERPRISE"
    availability_type           = var.database_availability
    disk_autoresize             = true
    deletion_protection_enabled = var.protect

    # Nobody connects but by the connector: with a login of IAM, over TLS with certificates on both sides.
    connector_enforcement = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 14
      }
    }

    maintenance_window {
      day  = 7
      hour = 3
    }

    insights_config {
      query_insights_enabled = true
    }

    database_flags {
      name  = "cloudsql.iam_authentication"
      value = "on"
    }

    database_flags {
      name  = "max_connections"
      value = var.database_max_connections
    }

    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_min_error_statement"
      value = "error"
    }

    database_flags {
      name  = "log_temp_files"
      value = "0"
    }
  }

  timeouts {
    create = "60m"
    update = "60m"
  }

  lifecycle {
    # It grows by itself.
    ignore_changes = [settings[0].disk_size]

    precondition {
      condition     = local.database_connections <= var.database_max_connections
      error_message = "All instances together may open ${local.database_connections} connections, and the database takes ${var.database_max_connections}: raise database_max_connections, or lower a max of scaling."
    }
  }

  depends_on = [google_service_networking_connection.this]
}

# Neither database nor logins can be deleted while the other is in use: they go with the instance.

resource "google_sql_database" "this" {
  name            = "ai_infra"
  instance        = google_sql_database_instance.this.name
  deletion_policy = "ABANDON"
}

# Logins by IAM, without a password: the account's e-mail without its last part. The migration grants each its group,
# which is not for Terraform to take away again.

resource "google_sql_user" "function" {
  for_each = google_service_account.function

  instance        = google_sql_database_instance.this.name
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  name            = "${each.value.account_id}@${var.project}.iam"
  deletion_policy = "ABANDON"

  lifecycle {
    ignore_changes = [database_roles]
  }
}

resource "google_sql_user" "admin" {
  instance        = google_sql_database_instance.this.name
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  name            = "${google_service_account.admin.account_id}@${var.project}.iam"
  deletion_policy = "ABANDON"

  lifecycle {
    ignore_changes = [database_roles]
  }
}

resource "google_sql_user" "migrations" {
  instance        = google_sql_database_instance.this.name
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  name            = "${google_service_account.migrations.account_id}@${var.project}.iam"
  database_roles  = ["cloudsqlsuperuser"]
  deletion_policy = "ABANDON"

  lifecycle {
    ignore_changes = [database_roles]
  }
}
