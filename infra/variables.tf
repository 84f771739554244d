# Where

variable "project" {
  description = "Id of the Google Cloud project. One project holds one installation."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project's id, not its name or number: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of everything, such as europe-west4."
  type        = string

  validation {
    condition = contains([
      "asia-northeast1", "asia-northeast3", "asia-south1", "asia-southeast1", "australia-southeast1",
      "europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west9",
      "northamerica-northeast1", "southamerica-east1",
      "us-central1", "us-east1", "us-east4", "us-west1",
    ], var.region)
    error_message = "region must be one that has Cloud Run functions, Cloud SQL, Firestore and Vector Search, such as europe-west4 or us-central1: see the list in variables.tf."
  }
}

variable "name" {
  description = "What the names of all resources start with, topics and subscriptions excepted."
  type        = string
  default     = "ai-infra"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,15}[a-z0-9]$", var.name))
    error_message = "name must have 4 to 17 lower-case letters, digits and hyphens: a Firestore database's id needs 4, a service account's ends at 30."
  }
}

variable "deployer" {
  description = "E-mail of the service account that applies these files: the bootstrap's output `deployer`."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+@[a-z0-9.-]+\\.gserviceaccount\\.com$", var.deployer))
    error_message = "deployer must be a service account's e-mail, such as ai-infra-deployer@PROJECT.iam.gserviceaccount.com."
  }
}

# What is deployed

variable "source_bucket" {
  description = "Bucket of the functions' source archives: the bootstrap's output `source_bucket`."
  type        = string
}

variable "source_object" {
  description = "Name of the source archive in `source_bucket`: functions/SHA256.zip. Equal archives are not deployed again."
  type        = string

  validation {
    condition     = can(regex("^functions/[0-9a-f]{64}\\.zip$", var.source_object))
    error_message = "source_object must be functions/SHA256.zip, with the hash that `./dev package` prints: a name that stays would deploy nothing."
  }
}

variable "repository" {
  description = "Artifact Registry repository that the functions are built into: projects/PROJECT/locations/REGION/repositories/NAME."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/repositories/[^/]+$", var.repository))
    error_message = "repository must be projects/PROJECT/locations/REGION/repositories/NAME."
  }
}

variable "image" {
  description = "Image of the migration and of the operators' commands, by its digest: REGION-docker.pkg.dev/…@sha256:…"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9./_-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be named by its digest (…@sha256:…), not by a tag: a tag that moves would migrate nothing."
  }
}

variable "release" {
  description = "Any text; another one migrates again, with the same image. Needed after a migration that failed, or that was run by hand."
  type        = string
  default     = ""
}

# How it answers

variable "vector_index" {
  description = "What keeps the vectors: `vertex` (Vector Search, a node that always runs) or `pgvector` (the database)."
  type        = string
  default     = "vertex"

  validation {
    condition     = contains(["vertex", "pgvector"], var.vector_index)
    error_message = "vector_index must be vertex or pgvector."
  }
}

variable "ocr" {
  description = "What reads scanned pages: `local` (a model in `chunk` itself, some four seconds a page), `document_ai` or `off`."
  type        = string
  default     = "local"

  validation {
    condition     = contains(["local", "document_ai", "off"], var.ocr)
    error_message = "ocr must be local, document_ai or off."
  }
}

variable "document_ai_processor" {
  description = "Processor of Document AI that reads scanned pages where `ocr` is `document_ai`: of type OCR_PROCESSOR, in this project."
  type        = string
  default     = ""

  validation {
    condition = (
      var.ocr == "document_ai"
      ? can(regex("^projects/[^/]+/locations/[a-z0-9-]+/processors/[^/]+$", var.document_ai_processor))
      : var.document_ai_processor == ""
    )
    error_message = "document_ai_processor must be projects/…/locations/…/processors/… where ocr is document_ai, and empty elsewhere."
  }
}

variable "embedding_model" {
  description = "Model that texts and questions are embedded with. Another one means that every document is processed again."
  type        = string
  default     = "gemini-embedding-001"

  validation {
    condition     = contains(["gemini-embedding-001", "text-embedding-005"], var.embedding_model)
    error_message = "embedding_model must be gemini-embedding-001 or text-embedding-005: no other's limits are known."
  }
}

variable "embedding_dimensions" {
  description = "Numbers of a vector. More cost more and find little more; a change makes a new index, which starts empty."
  type        = number
  default     = 768

  validation {
    condition     = var.embedding_dimensions >= 64 && var.embedding_dimensions <= 3072 && floor(var.embedding_dimensions) == var.embedding_dimensions
    error_message = "embedding_dimensions must be a whole number from 64 to 3072."
  }

  validation {
    condition     = var.embedding_model != "text-embedding-005" || var.embedding_dimensions <= 768
    error_message = "text-embedding-005 makes at most 768 embedding_dimensions."
  }
}

variable "generation_model" {
  description = "Gemini model that answers."
  type        = string
  default     = "gemini-3.1-flash-lite"
}

variable "thinking_tokens" {
  description = "Most tokens that the model may think with before it answers; they are billed."
  type        = number
  default     = 0

  validation {
    condition     = var.thinking_tokens >= 0 && floor(var.thinking_tokens) == var.thinking_tokens
    error_message = "thinking_tokens must be 0 or a positive whole number."
  }
}

variable "quotas" {
  description = "The project's quotas of the two models, per minute. The functions keep within them instead of being refused."
  type = object({
    embed_requests    = optional(number, 1500)
    embed_tokens      = optional(number, 1000000)
    generate_requests = optional(number, 1000)
    generate_tokens   = optional(number, 1000000)
  })
  default = {}

  validation {
    condition     = alltrue([for quota in values(var.quotas) : quota >= 1])
    error_message = "Every one of the quotas must be at least 1 per minute."
  }
}

variable "scaling" {
  description = "Fewest and most instances of a function where they differ from topology.yaml, by the function's name."
  type = map(object({
    min = optional(number)
    max = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.scaling), keys(local.functions))) == 0
    error_message = "scaling must name functions of topology.yaml."
  }

  validation {
    condition     = alltrue([for limits in values(var.scaling) : coalesce(limits.max, 1) >= 1 && coalesce(limits.min, 0) >= 0])
    error_message = "scaling needs at least one instance as max, and no negative min."
  }

  validation {
    condition = alltrue([
      for name, limits in var.scaling :
      coalesce(limits.min, local.functions[name].min_instances) <= coalesce(limits.max, local.functions[name].max_instances)
      if contains(keys(local.functions), name)
    ])
    error_message = "scaling needs a min that is not larger than the max, which topology.yaml gives where it is left out."
  }
}

# Who may

variable "api_access" {
  description = "Who reaches the API: `public` (anyone; each request still needs an API key) or `iam` (only api_invokers, beside the key)."
  type        = string
  default     = "public"

  validation {
    condition     = contains(["public", "iam"], var.api_access)
    error_message = "api_access must be public or iam."
  }
}

variable "api_invokers" {
  description = "Members who may call the API where api_access is iam, such as group:readers@example.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.api_invokers : can(regex(local.member, member))])
    error_message = "Each of api_invokers must start with user:, group:, serviceAccount:, domain: or principalSet://."
  }

  validation {
    condition     = var.api_access == "iam" || length(var.api_invokers) == 0
    error_message = "api_invokers limit nothing while api_access is public: set it to iam, or leave them out."
  }
}

variable "uploaders" {
  description = "Members who may put files into a team's folder of the upload bucket, by the team's name."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = alltrue([for team in keys(var.uploaders) : can(regex("^[^/]+$", team))])
    error_message = "uploaders must be named by teams, which have no / in their names."
  }

  validation {
    condition     = alltrue([for member in flatten(values(var.uploaders)) : can(regex(local.member, member))])
    error_message = "Each of a team's uploaders must start with user:, group:, serviceAccount:, domain: or principalSet://."
  }
}

variable "operators" {
  description = "Members who may run the job of the `ai-infra admin` commands and read the API keys that it issues."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.operators : can(regex(local.member, member))])
    error_message = "Each of operators must start with user:, group:, serviceAccount:, domain: or principalSet://."
  }
}

variable "pepper_secret" {
  description = "Id of the secret that holds the peppers of the API keys: the bootstrap's output. Left out: NAME-key-peppers."
  type        = string
  default     = null
}

variable "pepper_version" {
  description = "Version of that secret which the functions read. After a new pepper was added: the new version's number."
  type        = string
  default     = "1"

  validation {
    condition     = can(regex("^[1-9][0-9]*$", var.pepper_version))
    error_message = "pepper_version must be a number, not latest: instances that started at different times would know different peppers."
  }
}

# How large

variable "database_tier" {
  description = "Machine of the database: db-custom-CPUS-MEGABYTES, db-g1-small or db-f1-micro."
  type        = string
  default     = "db-custom-1-3840"

  validation {
    condition     = can(regex("^db-(custom-[1-9][0-9]*-[1-9][0-9]*|g1-small|f1-micro)$", var.database_tier))
    error_message = "database_tier must be db-custom-CPUS-MEGABYTES, db-g1-small or db-f1-micro."
  }
}

variable "database_availability" {
  description = "ZONAL, or REGIONAL for a standby in another zone at twice the price."
  type        = string
  default     = "ZONAL"

  validation {
    condition     = contains(["ZONAL", "REGIONAL"], var.database_availability)
    error_message = "database_availability must be ZONAL or REGIONAL."
  }
}

variable "database_max_connections" {
  description = "Most connections that the database takes. All instances of all functions must fit; each costs memory."
  type        = number
  default     = 200

  validation {
    condition     = var.database_max_connections >= 25 && floor(var.database_max_connections) == var.database_max_connections
    error_message = "database_max_connections must be a whole number of at least 25."
  }
}

variable "index_machine_type" {
  description = "Machine of the vector index's node (vector_index = vertex)."
  type        = string
  default     = "e2-standard-2"
}

variable "index_replicas" {
  description = "Nodes of the vector index (vector_index = vertex). Each runs, and is billed, all the time."
  type        = number
  default     = 1

  validation {
    condition     = var.index_replicas >= 1 && var.index_replicas <= 10 && floor(var.index_replicas) == var.index_replicas
    error_message = "index_replicas must be a whole number from 1 to 10."
  }
}

variable "firestore_location" {
  description = "Location of the chunk texts' database, such as eur3 for several regions. Left out: the region."
  type        = string
  default     = null

  validation {
    condition     = var.firestore_location == null || can(regex("^[a-z]+[a-z0-9-]*[0-9]$", var.firestore_location))
    error_message = "firestore_location must be a region, or a multi-region such as eur3 or nam5."
  }
}

variable "soft_delete_days" {
  description = "Days in which a deleted upload can be brought back."
  type        = number
  default     = 7

  validation {
    condition     = var.soft_delete_days >= 7 && var.soft_delete_days <= 90 && floor(var.soft_delete_days) == var.soft_delete_days
    error_message = "soft_delete_days must be a whole number from 7 to 90."
  }
}

variable "protect" {
  description = "Whether database, chunk texts and buckets refuse to be deleted. Apply false before `terraform destroy`."
  type        = bool
  default     = true
}

# Who is told

variable "alert_emails" {
  description = "E-mail addresses that alerts go to."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "alert_emails must be e-mail addresses."
  }
}

variable "billing_account" {
  description = "Billing account of the budget, such as 012345-6789AB-CDEF01. Left out: no budget."
  type        = string
  default     = null

  validation {
    condition     = var.billing_account == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "billing_account must be an id such as 012345-6789AB-CDEF01."
  }
}

variable "budget_amount" {
  description = "What a month may cost before its budget is used up, in whole units of budget_currency. Left out: no budget."
  type        = number
  default     = null

  validation {
    condition     = try(var.budget_amount >= 1 && floor(var.budget_amount) == var.budget_amount, var.budget_amount == null)
    error_message = "budget_amount must be a whole number of at least 1."
  }
}

variable "budget_currency" {
  description = "Currency of budget_amount: the billing account's."
  type        = string
  default     = "EUR"

  validation {
    condition     = can(regex("^[A-Z]{3}$", var.budget_currency))
    error_message = "budget_currency must be a code of three capitals, such as EUR."
  }
}
