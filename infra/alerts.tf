# What a person is called for. Each alert has its page in docs/runbook, under the name it has here.

variable "runbook_url" {
  description = "Where alerts link to for docs/runbook, such as https://github.com/OWNER/REPOSITORY/blob/main/docs/runbook. Left out: they name the page."
  type        = string
  default     = null

  validation {
    condition     = var.runbook_url == null || can(regex("^https://[^\\s]+[^/\\s]$", var.runbook_url))
    error_message = "runbook_url must be an https address without a slash at its end."
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  display_name = "${var.name}: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
}

locals {
  channels = [for channel in google_monitoring_notification_channel.email : channel.name]

  ours    = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=starts_with(\"${var.name}-\")"
  queue   = "resource.type=\"pubsub_subscription\""
  sql     = "resource.type=\"cloudsql_database\" AND resource.labels.database_id=\"${var.project}:${google_sql_database_instance.this.name}\""
  request = "metric.type=\"run.googleapis.com/request_count\""

  # `above` and `below` are thresholds; without one, the alert is for the absence of the metric. Times in seconds.
  alerts = {
    backlog = {
      title  = "Messages wait too long", severity = "WARNING", duration = 300
      filter = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND ${local.queue}"
      align  = "ALIGN_MAX", period = 60, by = ["resource.labels.subscription_id"], reduce = "REDUCE_MAX"
      above  = 900
    }
    dead-letter = {
      title  = "A message could not be delivered", severity = "ERROR", duration = 0
      filter = "metric.type=\"${local.metric_type.dead_letters}\" AND ${local.ours} AND metric.labels.mattered=\"true\""
      align  = "ALIGN_DELTA", period = 300, by = ["metric.labels.subscription"], reduce = "REDUCE_SUM"
      above  = 0
    }
    database-down = {
      title  = "The database is down", severity = "CRITICAL", duration = 300
      filter = "metric.type=\"cloudsql.googleapis.com/database/up\" AND ${local.sql}"
      align  = "ALIGN_MAX", period = 60, by = [], reduce = "REDUCE_MAX"
      below  = 1, missing = "EVALUATION_MISSING_DATA_ACTIVE"
    }
    database-connections = {
      title  = "The database has few connections left", severity = "WARNING", duration = 300
      filter = "metric.type=\"cloudsql.googleapis.com/database/postgresql/num_backends\" AND ${local.sql}"
      align  = "ALIGN_MAX", period = 60, by = ["resource.labels.database_id"], reduce = "REDUCE_SUM"
      above  = floor(0.8 * var.database_max_connections)
    }
    errors = {
      title  = "A function fails often", severity = "ERROR", duration = 600
      filter = "${local.request} AND ${local.ours} AND metric.labels.response_code_class=\"5xx\""
      of     = "${local.request} AND ${local.ours}"
      align  = "ALIGN_RATE", period = 300, by = ["resource.labels.service_name"], reduce = "REDUCE_SUM"
      above  = 0.05
    }
    api-down = {
      title  = "The API does not answer", severity = "CRITICAL", duration = 300
      filter = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type=\"uptime_url\" AND metric.labels.check_id=\"${google_monitoring_uptime_check_config.api.uptime_check_id}\""
      # Places that do not reach it: one alone may be to blame itself.
      align = "ALIGN_NEXT_OLDER", period = 1200, by = ["resource.labels.host"], reduce = "REDUCE_COUNT_FALSE"
      above = 1
    }
    job-failures = {
      title  = "Many documents fail", severity = "WARNING", duration = 0
      filter = "metric.type=\"${local.metric_type.jobs_failed}\" AND ${local.ours}"
      align  = "ALIGN_DELTA", period = 1800, by = ["metric.labels.reason"], reduce = "REDUCE_SUM"
      above  = 10
    }
    reconcile-silent = {
      title  = "Reconciliation has stopped", severity = "WARNING", duration = 1800
      filter = "${local.request} AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.service_name["reconcile"]}\" AND metric.labels.response_code_class=\"2xx\""
      align  = "ALIGN_DELTA", period = 300, by = [], reduce = "REDUCE_SUM"
    }
  }

  runbook = {
    for name in keys(local.alerts) :
    name => var.runbook_url == null ? "docs/runbook/${name}.md" : "[docs/runbook/${name}.md](${var.runbook_url}/${name}.md)"
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = { runbook = each.key }

  documentation {
    mime_type = "text/markdown"
    content   = "What it means and what to do: ${local.runbook[each.key]}"
  }

  conditions {
    display_name = each.value.title

    dynamic "condition_threshold" {
      for_each = can(each.value.above) || can(each.value.below) ? [each.value] : []

      content {
        filter                  = condition_threshold.value.filter
        denominator_filter      = try(condition_threshold.value.of, null)
        comparison              = can(condition_threshold.value.above) ? "COMPARISON_GT" : "COMPARISON_LT"
        threshold_value         = try(condition_threshold.value.above, condition_threshold.value.below)
        duration                = "${condition_threshold.value.duration}s"
        evaluation_missing_data = try(condition_threshold.value.missing, null)

        aggregations {
          alignment_period     = "${condition_threshold.value.period}s"
          per_series_aligner   = condition_threshold.value.align
          cross_series_reducer = condition_threshold.value.reduce
          group_by_fields      = condition_threshold.value.by
        }

        dynamic "denominator_aggregations" {
          for_each = can(condition_threshold.value.of) ? [condition_threshold.value] : []

          content {
            alignment_period     = "${denominator_aggregations.value.period}s"
            per_series_aligner   = denominator_aggregations.value.align
            cross_series_reducer = denominator_aggregations.value.reduce
            group_by_fields      = denominator_aggregations.value.by
          }
        }

        trigger {
          count = 1
        }
      }
    }

    dynamic "condition_absent" {
      for_each = can(each.value.above) || can(each.value.below) ? [] : [each.value]

      content {
        filter   = condition_absent.value.filter
        duration = "${condition_absent.value.duration}s"

        aggregations {
          alignment_period     = "${condition_absent.value.period}s"
          per_series_aligner   = condition_absent.value.align
          cross_series_reducer = condition_absent.value.reduce
          group_by_fields      = condition_absent.value.by
        }

        trigger {
          count = 1
        }
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  # A policy on a metric that does not exist yet is refused.
  depends_on = [google_logging_metric.this]
}
