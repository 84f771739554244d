# Who may do what on which part. A role without `roles/` is one of roles.tf. Not here, since they stand beside what they
# are for: who publishes (pubsub.tf), who calls functions (functions.tf), who acts as an account (accounts.tf), who
# uploads (storage.tf), who runs the operators' commands (jobs.tf, secrets.tf).

locals {
  database_login = ["roles/cloudsql.client", "roles/cloudsql.instanceUser"]

  grants = {
    intake = {
      database = local.database_login
    }
    chunk = {
      database    = local.database_login
      uploads     = ["roles/storage.objectViewer"]
      extractions = ["roles/storage.objectCreator", "roles/storage.objectViewer"]
      scans       = ["roles/documentai.apiUser"]
    }
    embed = {
      database = local.database_login
      models   = ["modelCaller"]
      vectors  = ["vectorWriter"]
    }
    record = {
      database = local.database_login
      texts    = ["roles/datastore.user"]
      vectors  = ["vectorReader", "vectorWriter"]
    }
    retire = {
      database    = local.database_login
      uploads     = ["objectLister"]
      extractions = ["objectRemover"]
      texts       = ["roles/datastore.user"]
      vectors     = ["vectorReader", "vectorWriter"]
    }
    fetch = {
      database = local.database_login
      uploads  = ["objectRemover", "roles/storage.objectCreator", "roles/storage.objectViewer"]
    }
    dead_letter = {
      database = local.database_login
    }
    reconcile = {
      database = local.database_login
      uploads  = ["objectRemover", "roles/storage.objectViewer"]
    }
    api = {
      database    = local.database_login
      uploads     = ["objectRemover", "roles/storage.objectCreator"]
      extractions = ["roles/storage.objectViewer"]
      models      = ["modelCaller"]
      texts       = ["roles/datastore.viewer"]
      vectors     = ["vectorReader"]
      pepper      = ["roles/secretmanager.secretAccessor"]
    }
    migrations = {
      database = local.database_login
    }
    admin = {
      database    = local.database_login
      uploads     = ["objectRemover", "roles/storage.objectViewer"]
      extractions = ["roles/storage.objectViewer"]
      models      = ["modelCaller"]
      texts       = ["roles/datastore.viewer"]
      vectors     = ["vectorReader"]
      pepper      = ["roles/secretmanager.secretAccessor"]
      issued_key  = ["roles/secretmanager.secretVersionAdder"]
    }
    builder = {
      build_log = ["roles/logging.logWriter"]
      sources   = ["roles/storage.objectViewer"]
      staging   = ["roles/storage.objectViewer"]
    }
  }

  # Parts that only the project's policy can grant, and the condition that narrows it to the part: written with names
  # instead of references, so that the roles are there, and known everywhere, long before the part is.
  project_parts = {
    database = {
      title      = "the database instance"
      expression = "resource.service == \"sqladmin.googleapis.com\" && resource.name == \"projects/${var.project}/instances/${var.name}\""
    }
    texts = {
      title      = "the database of chunk texts"
      expression = "resource.name == \"projects/${var.project}/databases/${var.name}\""
    }
    staging = {
      title      = "the sources that Cloud Functions hands to a build"
      expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-${var.region}\")"
    }
    models    = null
    scans     = null
    vectors   = null
    build_log = null
  }

  bucket_parts = {
    uploads     = google_storage_bucket.uploads.name
    extractions = google_storage_bucket.extractions.name
    sources     = var.source_bucket
  }

  secret_parts = {
    pepper     = local.pepper_secret
    issued_key = google_secret_manager_secret.issued_key.secret_id
  }

  granted = {
    for grant in flatten([
      for account, parts in local.grants : [
        for part, roles in parts : [
          for role in roles : {
            key    = "${account}/${part}/${role}"
            part   = part
            role   = startswith(role, "roles/") ? role : google_project_iam_custom_role.this[role].name
            member = local.accounts[account].member
          }
        ]
      ]
    ]) : grant.key => grant
    if(grant.part != "vectors" || local.vertex) && (grant.part != "scans" || var.ocr == "document_ai")
  }
}

resource "google_project_iam_member" "grant" {
  for_each = { for key, grant in local.granted : key => grant if contains(keys(local.project_parts), grant.part) }

  project = var.project
  role    = each.value.role
  member  = each.value.member

  dynamic "condition" {
    for_each = [for condition in [local.project_parts[each.value.part]] : condition if condition != null]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}

resource "google_storage_bucket_iam_member" "grant" {
  for_each = { for key, grant in local.granted : key => grant if contains(keys(local.bucket_parts), grant.part) }

  bucket = local.bucket_parts[each.value.part]
  role   = each.value.role
  member = each.value.member
}

resource "google_secret_manager_secret_iam_member" "grant" {
  for_each = { for key, grant in local.granted : key => grant if contains(keys(local.secret_parts), grant.part) }

  secret_id = local.secret_parts[each.value.part]
  role      = each.value.role
  member    = each.value.member
}

resource "google_artifact_registry_repository_iam_member" "builder" {
  project    = var.project
  location   = var.region
  repository = basename(var.repository)
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.builder.member
}
