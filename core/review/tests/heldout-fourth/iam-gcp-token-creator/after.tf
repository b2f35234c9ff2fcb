resource "google_service_account" "reports" {
  project      = var.project
  account_id   = "reports-runner"
  display_name = "Nightly reports"
}

resource "google_project_iam_member" "reports_viewer" {
  project = var.project
  role    = "roles/bigquery.dataViewer"
  member  = "serviceAccount:${google_service_account.reports.email}"
}

resource "google_project_iam_member" "reports_jobs" {
  project = var.project
  role    = "roles/iam.serviceAccountTokenCreator"
  member  = "serviceAccount:${google_service_account.reports.email}"
}
