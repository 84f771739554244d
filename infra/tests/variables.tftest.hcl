# Values that no installation can have are refused before anything is planned.

mock_provider "google" {}

variables {
  project       = "example-project"
  region        = "europe-west4"
  deployer      = "ai-infra-deployer@example-project.iam.gserviceaccount.com"
  source_bucket = "example-project-ai-infra-sources"
  source_object = "functions/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.zip"
  repository    = "projects/example-project/locations/europe-west4/repositories/ai-infra-functions"
  image         = "europe-west4-docker.pkg.dev/example-project/ai-infra-jobs/ai-infra@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "places_and_names" {
  command = plan

  variables {
    project            = "Example Project"
    region             = "europe-west4-a"
    name               = "a-name-of-18-chars"
    deployer           = "serviceAccount:deployer@example-project.iam.gserviceaccount.com"
    firestore_location = ""
  }

  expect_failures = [var.project, var.region, var.name, var.deployer, var.firestore_location]
}

run "what_may_change_behind_its_name" {
  command = plan

  variables {
    source_object  = "functions/latest.zip"
    repository     = "ai-infra-functions"
    image          = "europe-west4-docker.pkg.dev/example-project/ai-infra-jobs/ai-infra:latest"
    pepper_version = "latest"
  }

  expect_failures = [var.source_object, var.repository, var.image, var.pepper_version]
}

run "models_and_quotas" {
  command = plan

  variables {
    vector_index    = "qdrant"
    ocr             = "cloud"
    embedding_model = "gemini-embedding-2"
    thinking_tokens = -1
    quotas          = { embed_requests = 0 }
  }

  expect_failures = [var.vector_index, var.ocr, var.embedding_model, var.thinking_tokens, var.quotas]
}

run "document_ai_without_its_processor" {
  command = plan

  variables {
    ocr = "document_ai"
  }

  expect_failures = [var.document_ai_processor]
}

run "a_processor_that_nobody_asks" {
  command = plan

  variables {
    document_ai_processor = "projects/example-project/locations/eu/processors/0123456789abcdef"
  }

  expect_failures = [var.document_ai_processor]
}

run "more_dimensions_than_any_model_has" {
  command = plan

  variables {
    embedding_dimensions = 4000
  }

  expect_failures = [var.embedding_dimensions]
}

run "more_dimensions_than_this_model_has" {
  command = plan

  variables {
    embedding_model      = "text-embedding-005"
    embedding_dimensions = 1536
  }

  expect_failures = [var.embedding_dimensions]
}

run "zero_instances" {
  command = plan

  variables {
    scaling = { api = { max = 0 } }
  }

  expect_failures = [var.scaling]
}

run "more_always_than_ever" {
  command = plan

  variables {
    scaling = { api = { min = 4 } }
  }

  expect_failures = [var.scaling]
}

run "instances_of_no_function" {
  command = plan

  variables {
    scaling = { answers = { max = 2 } }
  }

  expect_failures = [var.scaling]
}

run "members" {
  command = plan

  variables {
    api_access   = "iam"
    api_invokers = ["allUsers"]
    uploaders    = { "sales/offers" = ["user:ann@example.com"] }
    operators    = ["ann@example.com"]
    alert_emails = ["ann"]
  }

  expect_failures = [var.api_invokers, var.uploaders, var.operators, var.alert_emails]
}

run "an_access_that_is_none" {
  command = plan

  variables {
    api_access = "private"
  }

  expect_failures = [var.api_access]
}

run "invokers_of_a_public_api" {
  command = plan

  variables {
    api_invokers = ["group:readers@example.com"]
  }

  expect_failures = [var.api_invokers]
}

run "sizes_and_money" {
  command = plan

  variables {
    database_tier            = "db-n1-standard-1"
    database_availability    = "GLOBAL"
    database_max_connections = 10
    index_replicas           = 0
    soft_delete_days         = 0
    billing_account          = "mine"
    budget_amount            = 0
    budget_currency          = "Euro"
    token_prices             = { embedding = -1, prompt = 0, answer = 0 }
    runbook_url              = "docs/runbook"
  }

  expect_failures = [
    var.database_tier, var.database_availability, var.database_max_connections, var.index_replicas,
    var.soft_delete_days, var.billing_account, var.budget_amount, var.budget_currency, var.token_prices,
    var.runbook_url,
  ]
}

run "more_instances_than_connections" {
  command = plan

  variables {
    scaling = { api = { max = 20 } }
  }

  expect_failures = [google_sql_database_instance.this]
}
