terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }

  # Bucket and prefix are given to `terraform init` by -backend-config: a backend knows no variables.
  backend "gcs" {}
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = { app = var.name }

  # The budget's API counts calls against a project, and a person's account belongs to none.
  user_project_override = true
  billing_project       = var.project
}
