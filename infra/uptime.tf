# Whether the API answers, asked from outside. An API that may scale to zero is kept awake by it, at the price of the
# requests alone.

resource "google_monitoring_uptime_check_config" "api" {
  display_name = "${var.name} API"
  period       = "300s"
  # A cold start takes longer than the usual ten seconds.
  timeout          = "30s"
  selected_regions = ["EUROPE", "USA_VIRGINIA", "ASIA_PACIFIC"]

  http_check {
    request_method = "GET"
    path           = "/health"
    port           = 443
    use_ssl        = true
    validate_ssl   = true

    dynamic "service_agent_authentication" {
      for_each = var.api_access == "iam" ? ["OIDC_TOKEN"] : []

      content {
        type = service_agent_authentication.value
      }
    }
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = trimprefix(google_cloudfunctions2_function.this["api"].service_config[0].uri, "https://")
    }
  }
}
