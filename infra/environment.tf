# What each function and job is told: exactly the settings that it reads (common/config.py, common/cloud_settings.py).

locals {
  database = {
    AI_INFRA_REGION             = var.region
    AI_INFRA_CLOUD_SQL_INSTANCE = google_sql_database_instance.this.connection_name
    AI_INFRA_CLOUD_SQL_DATABASE = google_sql_database.this.name
  }

  # Read by all but the migration.
  installation = merge(local.database, {
    AI_INFRA_PROFILE           = "gcp"
    AI_INFRA_GOOGLE_PROJECT    = var.project
    AI_INFRA_UPLOAD_BUCKET     = google_storage_bucket.uploads.name
    AI_INFRA_EXTRACTION_BUCKET = google_storage_bucket.extractions.name
  })

  model_name = { AI_INFRA_EMBEDDING_MODEL = var.embedding_model }

  model = merge(local.model_name, {
    for name, value in { AI_INFRA_EMBEDDING_MODEL_SPEC = jsonencode({ dimensions = var.embedding_dimensions }) } :
    name => value if var.embedding_dimensions != 768
  })

  index = merge({ AI_INFRA_VECTOR_INDEX = var.vector_index }, {
    for name, value in merge(local.model_name, {
      AI_INFRA_VECTOR_INDEX_NAME     = one(google_vertex_ai_index.chunks[*].id)
      AI_INFRA_VECTOR_INDEX_ENDPOINT = one(google_vertex_ai_index_endpoint.chunks[*].id)
      AI_INFRA_VECTOR_INDEX_DOMAIN   = one(google_vertex_ai_index_endpoint.chunks[*].public_endpoint_domain_name)
      AI_INFRA_DEPLOYED_INDEX        = one(google_vertex_ai_index_endpoint_deployed_index.chunks[*].deployed_index_id)
    }) : name => value if local.vertex
  })

  texts = { AI_INFRA_FIRESTORE_DATABASE = google_firestore_database.texts.name }

  reading_scans = merge({ AI_INFRA_OCR = var.ocr }, {
    for name, value in { AI_INFRA_DOCUMENT_AI_PROCESSOR = var.document_ai_processor } :
    name => value if var.ocr == "document_ai"
  })

  # Both embed within one quota. A function shares its part between its instances.
  embedding_share = { embed = 0.8, api = 0.2 }

  embedding = {
    for name, share in local.embedding_share : name => merge(local.model, {
      AI_INFRA_EMBED_REQUESTS_PER_MINUTE = max(1, floor(share * var.quotas.embed_requests))
      AI_INFRA_EMBED_TOKENS_PER_MINUTE   = max(1, floor(share * var.quotas.embed_tokens))
      AI_INFRA_MAX_INSTANCES             = local.scaling[name].max
    })
  }

  generation = {
    AI_INFRA_GENERATION_MODEL             = var.generation_model
    AI_INFRA_THINKING_TOKENS              = var.thinking_tokens
    AI_INFRA_GENERATE_REQUESTS_PER_MINUTE = var.quotas.generate_requests
    AI_INFRA_GENERATE_TOKENS_PER_MINUTE   = var.quotas.generate_tokens
  }

  own_settings = {
    intake      = local.model_name
    chunk       = merge(local.model, local.reading_scans)
    embed       = merge(local.embedding["embed"], local.index)
    record      = merge(local.index, local.texts)
    retire      = merge(local.index, local.texts)
    fetch       = {}
    dead_letter = {}
    reconcile   = {}
    api         = merge(local.embedding["api"], local.index, local.texts, local.generation)
  }

  environment = {
    for name, function in local.functions : name => merge(
      local.installation,
      {
        AI_INFRA_CLOUD_SQL_USER = google_sql_user.function[name].name
        AI_INFRA_CONCURRENCY    = function.concurrency
        # functions-framework's threads and the time-out of its web server, which has another one of its own.
        THREADS                   = function.concurrency
        CLOUD_RUN_TIMEOUT_SECONDS = function.timeout_seconds
      },
      local.own_settings[name],
    )
  }

  migrate_environment = merge(local.database, {
    AI_INFRA_CLOUD_SQL_USER  = google_sql_user.migrations.name
    AI_INFRA_DATABASE_LOGINS = jsonencode(local.database_logins)
  })

  # An operator's command asks the parts as `api` does, and the API itself.
  admin_environment = merge(local.installation, local.own_settings["api"], {
    AI_INFRA_CLOUD_SQL_USER = google_sql_user.admin.name
    AI_INFRA_CONCURRENCY    = 1
    AI_INFRA_MAX_INSTANCES  = 1
    AI_INFRA_URL            = google_cloudfunctions2_function.this["api"].service_config[0].uri
  })

  # Read by `api` and by the operators' commands. Pinned: instances must not differ in what they know.
  secret_environment = {
    AI_INFRA_KEY_PEPPERS = { secret = local.pepper_secret, version = var.pepper_version }
  }
}
