# One page: what comes in, what waits, what fails, how questions fare, what it costs.

variable "token_prices" {
  description = "USD a million tokens of the models in use, for the dashboard's cost by team: see docs/prices.yaml."
  type        = object({ embedding = number, prompt = number, answer = number })
  default     = { embedding = 0.15, prompt = 0.25, answer = 1.50 }

  validation {
    condition     = alltrue([for price in values(var.token_prices) : price >= 0])
    error_message = "token_prices must not be negative."
  }
}

locals {
  # The sum of a distribution's values in an hour, by team; only PromQL adds a distribution up.
  tokens_by_team = {
    for name in ["embedding_tokens", "prompt_tokens", "completion_tokens"] :
    name => "sum by (team_id) (increase(${local.promql_name[name]}_sum{monitored_resource=\"cloud_run_revision\"}[1h]))"
  }
  # A team that only asks has no embedded documents, and one that only drops files no questions: each counts as none.
  cost_by_team = join(" + ", [
    for name, price in {
      embedding_tokens  = var.token_prices.embedding
      prompt_tokens     = var.token_prices.prompt
      completion_tokens = var.token_prices.answer
    } : "${price} / 1000000 * (${local.tokens_by_team[name]} or 0 * (${join(" or ", values(local.tokens_by_team))}))"
  ])

  # A chart is its lines: `metric` of local.metrics or a platform's `type`, with `of` as its resource.
  charts = [
    { title = "Ingest rate", lines = [
      { metric = "registered", legend = "registered" },
      { metric = "documents_ready", legend = "ready" },
    ] },
    { title = "Oldest message that waits", lines = [
      { type = "pubsub.googleapis.com/subscription/oldest_unacked_message_age", of = local.queue, align = "ALIGN_MAX", by = ["resource.labels.subscription_id"], reduce = "REDUCE_MAX" },
    ] },
    { title = "Messages that wait", lines = [
      { type = "pubsub.googleapis.com/subscription/num_undelivered_messages", of = local.queue, align = "ALIGN_MAX", by = ["resource.labels.subscription_id"], reduce = "REDUCE_SUM" },
    ] },
    { title = "Failed jobs by stage and reason", lines = [
      { metric = "jobs_failed", by = ["metric.labels.stage", "metric.labels.reason"] },
    ] },
    { title = "Failed deliveries by reason", lines = [
      { metric = "delivery_failures", by = ["metric.labels.subscription", "metric.labels.reason"] },
    ] },
    { title = "Dead letters", lines = [
      { metric = "dead_letters", by = ["metric.labels.subscription", "metric.labels.reason"] },
      { type = "pubsub.googleapis.com/subscription/dead_letter_message_count", of = local.queue, align = "ALIGN_DELTA", by = ["resource.labels.subscription_id"], reduce = "REDUCE_SUM", legend = "forwarded" },
    ] },
    { title = "Objects without a place", lines = [
      { metric = "unrouted", by = ["metric.labels.reason"] },
    ] },
    { title = "From registered to ready", lines = [
      { metric = "ingest_seconds", align = "ALIGN_PERCENTILE_50", reduce = "REDUCE_MAX", legend = "half within" },
      { metric = "ingest_seconds", align = "ALIGN_PERCENTILE_95", reduce = "REDUCE_MAX", legend = "95 % within" },
    ] },
    { title = "Jobs sent on their way again, an hour", lines = [
      { query = "sum(increase(${local.promql_name["reconciled_jobs"]}_sum{monitored_resource=\"cloud_run_revision\"}[1h]))" },
    ] },
    { title = "Questions by outcome", lines = [
      { metric = "questions", by = ["metric.labels.outcome"] },
    ] },
    { title = "A question's time", lines = [
      { metric = "question_latency", align = "ALIGN_PERCENTILE_50", reduce = "REDUCE_MAX", legend = "half within" },
      { metric = "question_latency", align = "ALIGN_PERCENTILE_95", reduce = "REDUCE_MAX", legend = "95 % within" },
    ] },
    { title = "Requests by status", lines = [
      { type = "run.googleapis.com/request_count", of = local.ours, align = "ALIGN_DELTA", by = ["resource.labels.service_name", "metric.labels.response_code_class"], reduce = "REDUCE_SUM" },
    ] },
    { title = "Tokens by team, an hour", lines = [
      for name, query in local.tokens_by_team : { query = query, legend = "${name} {{team_id}}" }
    ] },
    { title = "Cost of tokens by team, USD an hour", lines = [
      { query = local.cost_by_team },
    ] },
    { title = "Requests' time, 95 % within", lines = [
      { type = "run.googleapis.com/request_latencies", of = local.ours, align = "ALIGN_PERCENTILE_95", by = ["resource.labels.service_name"], reduce = "REDUCE_MAX" },
    ] },
    { title = "Database: processor", lines = [
      { type = "cloudsql.googleapis.com/database/cpu/utilization", of = local.sql, align = "ALIGN_MEAN", reduce = "REDUCE_MAX" },
    ] },
    { title = "Database: connections of ${var.database_max_connections}", lines = [
      { type = "cloudsql.googleapis.com/database/postgresql/num_backends", of = local.sql, align = "ALIGN_MAX", reduce = "REDUCE_SUM" },
    ] },
    { title = "API answers, share of places", lines = [
      { type = "monitoring.googleapis.com/uptime_check/check_passed", of = "resource.type=\"uptime_url\" AND metric.labels.check_id=\"${google_monitoring_uptime_check_config.api.uptime_check_id}\"", align = "ALIGN_FRACTION_TRUE", reduce = "REDUCE_MEAN" },
    ] },
  ]

  chart_columns = 3
  chart_width   = 16
  chart_height  = 14

  # What is empty or zero is left out, as Cloud Monitoring leaves it out: nothing differs at the next plan.
  tiles = [
    for place, chart in local.charts : { for name, value in {
      xPos   = place % local.chart_columns * local.chart_width
      yPos   = floor(place / local.chart_columns) * local.chart_height
      width  = local.chart_width
      height = local.chart_height
      widget = {
        title   = chart.title
        xyChart = { dataSets = [for line in chart.lines : local.data_sets[jsonencode(line)]] }
      }
    } : name => value if value != 0 }
  ]
  data_sets = {
    for line in flatten(local.charts[*].lines) : jsonencode(line) => { for name, value in {
      plotType       = "LINE"
      legendTemplate = try(line.legend, null)
      timeSeriesQuery = { for kind, query in {
        prometheusQuery  = try(line.query, null)
        timeSeriesFilter = can(line.query) ? null : local.filters[jsonencode(line)]
      } : kind => query if query != null }
    } : name => value if value != null }
  }
  filters = {
    for line in flatten(local.charts[*].lines) : jsonencode(line) => {
      filter = "metric.type=\"${try(local.metric_type[line.metric], line.type)}\" AND ${try(line.of, local.ours)}"
      aggregation = { for name, value in {
        alignmentPeriod    = "300s"
        perSeriesAligner   = try(line.align, "ALIGN_DELTA")
        crossSeriesReducer = try(line.reduce, "REDUCE_SUM")
        groupByFields      = try(line.by, null)
      } : name => value if value != null }
    } if !can(line.query)
  }
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName  = var.name
    mosaicLayout = { columns = local.chart_columns * local.chart_width, tiles = local.tiles }
  })

  depends_on = [google_logging_metric.this]
}

output "dashboard_url" {
  description = "The installation's dashboard."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${basename(google_monitoring_dashboard.this.id)}?project=${var.project}"
}
