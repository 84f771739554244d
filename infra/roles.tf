# Where each of Google's own roles would let an account do more than it does.

locals {
  custom_roles = {
    objectLister = {
      title       = "Lists objects"
      permissions = ["storage.objects.list"]
    }
    objectRemover = {
      title       = "Lists and deletes objects"
      permissions = ["storage.objects.delete", "storage.objects.list"]
    }
    modelCaller = {
      title       = "Calls models"
      permissions = ["aiplatform.endpoints.predict"]
    }
    vectorReader = {
      title       = "Searches and reads vectors"
      permissions = ["aiplatform.indexEndpoints.queryVectors"]
    }
    vectorWriter = {
      title       = "Writes and removes vectors"
      permissions = ["aiplatform.indexes.update"]
    }
    jobRunner = {
      title       = "Runs a job with arguments and waits for it"
      permissions = ["run.executions.get", "run.jobs.get", "run.jobs.run", "run.jobs.runWithOverrides"]
    }
  }
}

resource "google_project_iam_custom_role" "this" {
  for_each = local.custom_roles

  role_id     = each.key
  title       = each.value.title
  description = "Made by Terraform for ${var.name}."
  permissions = each.value.permissions
}
