# The database has a private address only; functions and jobs reach it from a subnetwork of their own. Everything else
# they call are Google's APIs, and `fetch` the public web, past this network: so no NAT and no firewall rule is needed.

resource "google_compute_network" "this" {
  #checkov:skip=CKV2_GCP_18:Nothing in it listens; without a rule all that comes in is denied.
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "functions" {
  name                     = "${var.name}-functions"
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = "10.8.0.0/24"
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
  }
}

resource "google_compute_global_address" "services" {
  name          = "${var.name}-services"
  network       = google_compute_network.this.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
}

resource "google_service_networking_connection" "this" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]

  # A deleted database holds on to the connection for days, and a network that is peered cannot be deleted.
  deletion_policy = "REMOVE_PEERING"
}
