resource "google_compute_firewall" "runners" {
  name          = "runners-ssh"
  network       = google_compute_network.ci.name
  direction     = "INGRESS"
  source_ranges = ["0.0.0.0/0"]
  target_tags   = ["runner"]

  allow {
    protocol = "all"
  }
}
