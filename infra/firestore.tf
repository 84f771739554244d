# The texts of the chunks, which a question reads by their ids.
resource "google_firestore_database" "texts" {
  name                              = var.name
  location_id                       = coalesce(var.firestore_location, var.region)
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "OPTIMISTIC"
  delete_protection_state           = var.protect ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"

  # By default `terraform destroy` would only forget it.
  deletion_policy = "DELETE"
}

# Nothing is searched for by its text, and an index of it would cost more than the text.
resource "google_firestore_field" "text" {
  database   = google_firestore_database.texts.name
  collection = "chunk_texts"
  field      = "text"

  index_config {}
}
