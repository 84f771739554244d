output "api_url" {
  description = "Where questions are asked: AI_INFRA_URL of the command line."
  value       = google_cloudfunctions2_function.this["api"].service_config[0].uri
}

output "bucket" {
  description = "Bucket that documents are dropped into, as TEAM/PROJECT/any/path/file.pdf."
  value       = google_storage_bucket.uploads.name
}

output "admin_job" {
  description = "Cloud Run job that runs `ai-infra admin` with the arguments of its execution."
  value       = google_cloud_run_v2_job.admin.name
}

output "first_key_command" {
  description = "Makes the first team, its project and an API key, and prints the key. Replace TEAM and PROJECT."
  value = join(" ", [
    "gcloud run jobs execute ${google_cloud_run_v2_job.admin.name} --project=${var.project} --region=${var.region} --wait",
    "--args=start,TEAM,PROJECT,--to-secret,${google_secret_manager_secret.issued_key.secret_id}",
    "&& gcloud secrets versions access latest --project=${var.project} --secret=${google_secret_manager_secret.issued_key.secret_id}",
  ])
}

output "region" {
  description = "Region of the installation."
  value       = var.region
}

output "environment" {
  description = "Settings of each function, secrets excepted."
  value       = local.environment
}
