# backend of the global load balancer

locals {
  backend_port     = "8080"
  google_lb_ranges = ["130.211.0.0/22", "35.191.0.0/16"]
}

resource "google_compute_firewall" "backend" {
  name          = "allow-backend"
  network       = var.network
  description   = "load balancer proxies and health checks only"
  source_ranges = local.google_lb_ranges
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

  log_config {
    metadata = "EXCLUDE_ALL_METADATA"
  }
}

resource "google_compute_health_check" "backend" {
  name = "backend"

  http_health_check {
    port         = 8080
    request_path = "/readyz"
  }
}
