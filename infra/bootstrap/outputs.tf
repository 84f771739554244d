output "state_bucket" {
  description = "Bucket of Terraform's states, plans and releases."
  value       = google_storage_bucket.state.name
}

output "source_bucket" {
  description = "Bucket of the functions' source archives."
  value       = google_storage_bucket.sources.name
}

output "images" {
  description = "Where the image of the jobs is pushed to."
  value       = local.repository_urls["jobs"]
}

output "deployer" {
  description = "Account that applies infra/."
  value       = google_service_account.deployer.email
}

output "pepper_command" {
  description = "Makes the first pepper of the API keys. Run it once; its value is nowhere but in the secret."
  value = join(" ", [
    "printf '1:%s' \"$(openssl rand -hex 32)\" |",
    "gcloud secrets versions add ${google_secret_manager_secret.peppers.secret_id} --project=${var.project} --data-file=-",
  ])
}

output "backend" {
  description = "For infra/bootstrap/backend.tf: the state of this folder, in the bucket that it made."
  value       = <<-END
    terraform {
      backend "gcs" {
        bucket = "${google_storage_bucket.state.name}"
        prefix = "bootstrap"
      }
    }
  END
}

output "variables" {
  description = "For infra/terraform.tfvars: what infra/ has to know of this folder."
  value       = <<-END
    project       = "${var.project}"
    region        = "${var.region}"
    name          = "${var.name}"
    deployer      = "${google_service_account.deployer.email}"
    repository    = "${google_artifact_registry_repository.this["functions"].id}"
    source_bucket = "${google_storage_bucket.sources.name}"
    pepper_secret = "${google_secret_manager_secret.peppers.secret_id}"
  END
}

output "deploy_command" {
  description = "Deploys the checkout by the pipeline, without a push: run it at the checkout's root."
  value = join(" ", [
    "gcloud builds submit . --config=cloudbuild.yaml --project=${var.project} --region=${var.region}",
    "--service-account=${google_service_account.deployer.id}",
    "--gcs-source-staging-dir=gs://${google_storage_bucket.sources.name}/builds",
    "--substitutions=${join(",", [for key, value in local.substitutions : "${key}=${value}"])}",
  ])
}
