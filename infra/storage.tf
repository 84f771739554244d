resource "google_storage_bucket" "uploads" {
  #checkov:skip=CKV_GCP_62:Cloud Audit Logs tell who read what, where a project switches them on; a bucket of logs does not.
  #checkov:skip=CKV_GCP_78:With versions nobody would hear of a deleted object; soft delete brings it back.
  name                        = "${var.project}-${var.name}-uploads"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.protect

  # A versioned bucket says OBJECT_ARCHIVE, not OBJECT_DELETE, of an object that is deleted or replaced: nobody would
  # hear of it. Soft delete is what brings an object back.
  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = var.soft_delete_days * 86400
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }
}

resource "google_storage_bucket" "extractions" {
  #checkov:skip=CKV_GCP_62:Cloud Audit Logs tell who read what, where a project switches them on; a bucket of logs does not.
  #checkov:skip=CKV_GCP_78:What is purged has to be gone.
  name                        = "${var.project}-${var.name}-extractions"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.protect

  versioning {
    enabled = false
  }

  # What is purged is gone; it can be extracted again from the upload.
  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

resource "google_storage_notification" "objects" {
  bucket         = google_storage_bucket.uploads.name
  topic          = google_pubsub_topic.this["object-events"].id
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_FINALIZE", "OBJECT_DELETE"]

  # Until a topic has its subscriptions, its messages are lost.
  depends_on = [google_pubsub_topic_iam_member.objects, google_pubsub_subscription.this]
}

# An uploader sees and writes the objects of the team's prefix, and no others.
resource "google_storage_managed_folder" "team" {
  for_each = var.uploaders

  bucket        = google_storage_bucket.uploads.name
  name          = "${each.key}/"
  force_destroy = true
}

resource "google_storage_managed_folder_iam_member" "uploader" {
  for_each = merge([
    for team, members in var.uploaders : { for member in members : "${team}/${member}" => { team = team, member = member } }
  ]...)

  bucket         = google_storage_bucket.uploads.name
  managed_folder = google_storage_managed_folder.team[each.value.team].name
  role           = "roles/storage.objectUser"
  member         = each.value.member
}
