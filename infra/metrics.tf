# What the functions' log lines are counted by. A line's `event` is its stable name; numbers in it are numbers.

locals {
  # `value` is the field whose distribution is kept, and with it its sum; without one, lines are counted.
  # A team is labelled by its id. Cloud Logging takes 30,000 combinations of labels a metric.
  metrics = {
    registered = {
      event = "object_registered", labels = ["team_id"]
      about = "Generations of objects that were given a document and a job."
    }
    documents_ready = {
      event = "document_ready", labels = ["team_id"]
      about = "Documents that went live."
    }
    ingest_seconds = {
      event = "document_ready", labels = [], value = "seconds", unit = "s", buckets = local.seconds
      about = "Time from a document's registration until it answers."
    }
    jobs_failed = {
      event = "job_failed", labels = ["stage", "reason"]
      about = "Ingestion jobs that failed."
    }
    dead_letters = {
      event = "dead_letter_kept", labels = ["subscription", "reason", "mattered"]
      about = "Messages that could not be delivered or read; mattered is false where nothing waited for them."
    }
    unrouted = {
      event = "object_unrouted", labels = ["reason"]
      about = "Objects whose name leads to no living team and project."
    }
    delivery_failures = {
      event = "message_failed", labels = ["subscription", "reason"]
      about = "Deliveries that failed and are repeated."
    }
    embedding_tokens = {
      event = "embedded", labels = ["team_id", "model"], value = "tokens", unit = "1", buckets = local.tokens
      about = "Tokens of the texts and questions embedded at once."
    }
    questions = {
      event = "question_answered", labels = ["outcome"]
      about = "Questions: ANSWERED, ERROR, or the reason of the refusal."
    }
    question_latency = {
      event = "question_answered", labels = [], value = "latency_ms", unit = "ms", buckets = local.milliseconds
      about = "Time that a question took."
    }
    prompt_tokens = {
      event = "question_answered", labels = ["team_id", "model"], value = "prompt_tokens", unit = "1", buckets = local.tokens
      about = "Tokens of a question's prompt."
    }
    completion_tokens = {
      event = "question_answered", labels = ["team_id", "model"], value = "completion_tokens", unit = "1", buckets = local.tokens
      about = "Tokens of a question's answer."
    }
    reconciled_jobs = {
      event = "reconciled", labels = [], value = "jobs", unit = "1", buckets = local.tokens
      about = "Jobs that a reconciliation sent on their way again."
    }
  }

  # Exponential buckets: the first bound, the factor, how many.
  seconds      = { scale = 1, growth_factor = 1.5, num_finite_buckets = 30 }
  milliseconds = { scale = 10, growth_factor = 1.4, num_finite_buckets = 30 }
  tokens       = { scale = 1, growth_factor = 2, num_finite_buckets = 24 }

  # As Cloud Monitoring names them, in its filters and in PromQL.
  metric_type = { for name in keys(local.metrics) : name => "logging.googleapis.com/user/${var.name}/${name}" }
  promql_name = {
    for name in keys(local.metrics) :
    name => "logging_googleapis_com:user_${replace(var.name, "-", "_")}_${name}"
  }
}

resource "google_logging_metric" "this" {
  for_each = local.metrics

  name        = "${var.name}/${each.key}"
  description = each.value.about
  filter = join(" AND ", [
    "resource.type=\"cloud_run_revision\"",
    "resource.labels.service_name=~\"^${var.name}-\"",
    "jsonPayload.event=\"${each.value.event}\"",
  ])

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = can(each.value.value) ? "DISTRIBUTION" : "INT64"
    unit         = try(each.value.unit, "1")
    display_name = "${var.name}: ${each.key}"

    dynamic "labels" {
      for_each = toset(each.value.labels)

      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }

  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }
  value_extractor  = try("EXTRACT(jsonPayload.${each.value.value})", null)

  dynamic "bucket_options" {
    for_each = try([each.value.buckets], [])

    content {
      exponential_buckets {
        scale              = bucket_options.value.scale
        growth_factor      = bucket_options.value.growth_factor
        num_finite_buckets = bucket_options.value.num_finite_buckets
      }
    }
  }
}
