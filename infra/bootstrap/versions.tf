# Made once a project, before anything else: what the first apply of infra/ and its pipeline stand on.
# Its state starts on this machine and moves into the bucket that it makes: docs/deployment.md.

terraform {
  required_version = ">= 1.11, < 2"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }
}

provider "google" {
  project               = var.project
  region                = var.region
  default_labels        = { app = var.name }
  user_project_override = true
  billing_project       = var.project
}

data "google_project" "this" {
  project_id = var.project
}
