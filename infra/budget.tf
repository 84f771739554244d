# What a month may cost. A budget warns; it stops nothing.

resource "google_billing_budget" "this" {
  count = var.billing_account == null || var.budget_amount == null ? 0 : 1

  billing_account = var.billing_account
  display_name    = "${var.name} in ${var.project} (docs/runbook/budget.md)"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      currency_code = var.budget_currency
      units         = tostring(var.budget_amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]

    content {
      threshold_percent = threshold_rules.value
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  # A budget takes five channels at most; the account's administrators hear of it in any case.
  dynamic "all_updates_rule" {
    for_each = length(var.alert_emails) > 0 ? [slice(local.channels, 0, min(5, length(local.channels)))] : []

    content {
      monitoring_notification_channels = all_updates_rule.value
      disable_default_iam_recipients   = false
    }
  }
}
