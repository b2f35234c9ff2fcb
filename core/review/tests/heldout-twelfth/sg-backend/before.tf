# backend of the global load balancer

locals {
  backend_port = "8080"
}

resource "google_compute_firewall" "backend" {
  name          = "allow-backend"
  network       = var.network
  source_ranges = ["0.0.0.0/0"]
  target_tags   = ["backend"]

  allow {
    protocol = "tcp"
    ports    = [local.backend_port]
  }
}

resource "google_compute_firewall" "default_deny" {
  name          = "deny-rest"
  network       = var.network
  priority      = 65000
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }
}

resource "google_compute_health_check" "backend" {
  name = "backend"

  http_health_check {
    port         = 8080
    request_path = "/readyz"
  }
}
