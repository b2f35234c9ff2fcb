resource "google_compute_network" "studio" {
  name                    = "studio"
  auto_create_subnetworks = false
}

resource "google_compute_firewall" "remote_login" {
  name    = "remote-login"
  network = google_compute_network.studio.name

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }

  source_ranges = ["0.0.0.0/0"]

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "internal" {
  name    = "internal"
  network = google_compute_network.studio.name

  allow {
    protocol = "icmp"
  }

  allow {
    protocol = "tcp"
    ports    = ["0-65535"]
  }

  source_ranges = ["10.60.0.0/14"]
}
