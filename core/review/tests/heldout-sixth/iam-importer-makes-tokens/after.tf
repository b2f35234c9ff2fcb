resource "google_service_account" "importer" {
  account_id   = "importer"
  display_name = "Nightly import"
}

resource "google_project_iam_member" "importer_jobs" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = "serviceAccount:${google_service_account.importer.email}"
}

resource "google_project_iam_member" "importer_tokens" {
  project = var.project
  role    = "roles/iam.serviceAccountTokenCreator"
  member  = "serviceAccount:${google_service_account.importer.email}"
}
