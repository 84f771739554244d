# Topics and push subscriptions as topology.yaml states them, the source of the local stack as well.

resource "google_pubsub_topic" "this" {
  #checkov:skip=CKV_GCP_83:Google's keys encrypt it; a key of our own would be read by the same accounts.
  for_each = local.topics

  name = each.key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

# Another name, topic or filter makes a subscription anew, and what it still owed is lost: `reconcile` finds that work
# again after a while. A new name needs a `moved` block as well.
resource "google_pubsub_subscription" "this" {
  for_each = local.subscriptions

  name                       = each.key
  topic                      = google_pubsub_topic.this[each.value.topic].id
  filter                     = try(each.value.filter, null)
  ack_deadline_seconds       = each.value.ack_deadline_seconds
  message_retention_duration = "604800s"

  # Never: after a month without a message it would be deleted.
  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "${each.value.minimum_backoff_seconds}s"
    maximum_backoff = "${each.value.maximum_backoff_seconds}s"
  }

  dynamic "dead_letter_policy" {
    for_each = try([each.value.dead_letter_topic], [])
    content {
      dead_letter_topic     = google_pubsub_topic.this[dead_letter_policy.value].id
      max_delivery_attempts = each.value.max_delivery_attempts
    }
  }

  push_config {
    push_endpoint = google_cloudfunctions2_function.this[each.value.function].service_config[0].uri

    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = google_cloudfunctions2_function.this[each.value.function].service_config[0].uri
    }
  }

  # A push that is refused counts as an attempt.
  depends_on = [
    google_cloud_run_v2_service_iam_member.push,
    google_pubsub_topic_iam_member.dead_letter,
    google_service_account_iam_member.deployer,
    google_service_account_iam_member.push_tokens,
  ]
}

# A function publishes to the topics of its `publishes`, and to no others.
resource "google_pubsub_topic_iam_member" "publication" {
  for_each = merge([
    for name, function in local.functions : {
      for topic in function.publishes : "${name}/${topic}" => { function = name, topic = topic }
    }
  ]...)

  topic  = google_pubsub_topic.this[each.value.topic].name
  role   = "roles/pubsub.publisher"
  member = google_service_account.function[each.value.function].member
}

# The bucket's notifications.
resource "google_pubsub_topic_iam_member" "objects" {
  topic  = google_pubsub_topic.this["object-events"].name
  role   = "roles/pubsub.publisher"
  member = local.storage_agent
}

# An operator's command announces again what had no team or project, and replays what could not be delivered: to every
# topic whose messages become dead letters.
resource "google_pubsub_topic_iam_member" "admin" {
  for_each = toset([for subscription in values(local.subscriptions) : subscription.topic if can(subscription.dead_letter_topic)])

  topic  = google_pubsub_topic.this[each.key].name
  role   = "roles/pubsub.publisher"
  member = google_service_account.admin.member
}

# Pub/Sub moves dead letters as itself: it publishes them, and acknowledges them where they came from.
resource "google_pubsub_topic_iam_member" "dead_letter" {
  for_each = toset([for subscription in values(local.subscriptions) : subscription.dead_letter_topic if can(subscription.dead_letter_topic)])

  topic  = google_pubsub_topic.this[each.key].name
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letter" {
  for_each = toset([for name, subscription in local.subscriptions : name if can(subscription.dead_letter_topic)])

  subscription = google_pubsub_subscription.this[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
