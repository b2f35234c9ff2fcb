resource "google_compute_firewall" "agents" {
  name    = "allow-build-agents"
  network = google_compute_network.shared.name

  direction     = "INGRESS"
  source_ranges = ["10.20.0.0/16"]

  allow {
    protocol = "tcp"
    ports    = ["22", "8443"]
  }
}
