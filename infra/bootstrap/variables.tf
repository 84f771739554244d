variable "project" {
  description = "Id of the Google Cloud project. One project holds one installation."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project's id, not its name or number: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of everything, such as europe-west4. infra/ names those that it takes."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region such as europe-west4, neither a zone nor a multi-region."
  }
}

variable "name" {
  description = "What the names of all resources start with. The same value goes to infra/."
  type        = string
  default     = "ai-infra"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,15}[a-z0-9]$", var.name))
    error_message = "name must have 4 to 17 lower-case letters, digits and hyphens: a Firestore database's id needs 4, a service account's ends at 30."
  }
}

variable "github" {
  description = <<-END
    The GitHub repository whose pushes to main are deployed; null to deploy by hand. app_installation_id is the number
    of the Cloud Build app's installation on GitHub, token_secret the secret of this project that holds a token.
  END
  type = object({
    owner               = string
    repository          = string
    app_installation_id = number
    token_secret        = string
    token_version       = optional(string, "1")
  })
  default = null
}

variable "billing_account" {
  description = "Billing account on which infra/ makes a budget, such as 012345-6789AB-CDEF01; null for no budget."
  type        = string
  default     = null

  validation {
    condition     = var.billing_account == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "billing_account must be an id such as 012345-6789AB-CDEF01."
  }
}

variable "document_ai" {
  description = "Whether infra/ is to read scanned pages by Document AI (`ocr` there): its API is turned on."
  type        = bool
  default     = false
}
