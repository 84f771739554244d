# What holds in every installation, asked of Terraform itself.

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

run "defaults" {
  command = apply

  assert {
    condition     = length(google_vertex_ai_index_endpoint_deployed_index.chunks) == 1
    error_message = "By default the vectors are on Vertex AI."
  }

  assert {
    condition = alltrue([
      for subscription in google_pubsub_subscription.this :
      subscription.push_config[0].push_endpoint == subscription.push_config[0].oidc_token[0].audience
    ])
    error_message = "A push carries a token for the function that it goes to."
  }

  assert {
    condition = alltrue([
      for name, subscription in google_pubsub_subscription.this :
      subscription.push_config[0].push_endpoint == google_cloudfunctions2_function.this[local.subscriptions[name].function].service_config[0].uri
    ])
    error_message = "A subscription pushes to the function that topology.yaml names, by its run.app address."
  }

  assert {
    condition     = [for name, function in google_cloudfunctions2_function.this : name if function.service_config[0].ingress_settings != "ALLOW_INTERNAL_ONLY"] == ["api"]
    error_message = "Only api is reached from outside of the project."
  }

  assert {
    condition = alltrue([
      for name, function in google_cloudfunctions2_function.this :
      local.environment[name].THREADS == function.service_config[0].max_instance_request_concurrency
    ])
    error_message = "A function has as many threads as requests at once."
  }

  assert {
    condition     = google_sql_database_instance.this.deletion_protection && google_sql_database_instance.this.settings[0].deletion_protection_enabled && !google_storage_bucket.uploads.force_destroy
    error_message = "What cannot be made again is protected."
  }

  assert {
    condition     = output.api_url == google_cloudfunctions2_function.this["api"].service_config[0].uri && output.bucket == google_storage_bucket.uploads.name
    error_message = "The outputs name the API and the upload bucket."
  }
}

run "pgvector_has_no_node" {
  command = plan

  variables {
    vector_index = "pgvector"
  }

  assert {
    condition     = length(google_vertex_ai_index.chunks) + length(google_vertex_ai_index_endpoint.chunks) + length(google_vertex_ai_index_endpoint_deployed_index.chunks) == 0
    error_message = "Nothing of the vector index on Vertex AI is made with pgvector."
  }

  assert {
    condition     = length([for grant in values(local.granted) : grant if grant.part == "vectors"]) == 0
    error_message = "Nobody may use a vector index that there is not."
  }
}

run "unprotected_before_it_is_destroyed" {
  command = plan

  variables {
    protect = false
  }

  assert {
    condition     = !google_sql_database_instance.this.deletion_protection && !google_sql_database_instance.this.settings[0].deletion_protection_enabled
    error_message = "Without protect the database can be deleted."
  }

  assert {
    condition     = google_firestore_database.texts.delete_protection_state == "DELETE_PROTECTION_DISABLED" && google_storage_bucket.uploads.force_destroy && google_storage_bucket.extractions.force_destroy
    error_message = "Without protect the chunk texts and the buckets can be deleted."
  }
}
