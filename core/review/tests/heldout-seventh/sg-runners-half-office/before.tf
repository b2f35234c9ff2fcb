resource "google_compute_firewall" "runners" {
  name          = "runners-ssh"
  network       = google_compute_network.ci.name
  direction     = "INGRESS"
  source_ranges = ["198.51.100.16/28"]
  target_tags   = ["runner"]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}
