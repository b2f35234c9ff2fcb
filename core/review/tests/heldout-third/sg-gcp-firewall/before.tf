resource "google_compute_firewall" "ssh" {
  name          = "ssh"
  network       = "prod"
  source_ranges = ["35.235.240.0/20"]
  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}
