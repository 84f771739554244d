# The vector index, with vector_index = vertex. Empty at first; the functions write to it as they embed.

resource "google_vertex_ai_index" "chunks" {
  count = local.vertex ? 1 : 0

  region              = var.region
  display_name        = "${var.name}-chunks"
  description         = "Vectors of chunks"
  index_update_method = "STREAM_UPDATE"

  metadata {
    config {
      dimensions                  = var.embedding_dimensions
      approximate_neighbors_count = 150
      shard_size                  = "SHARD_SIZE_SMALL"

      # Of normalised vectors it is the cosine similarity, which common/adapters/vertex/index.py expects.
      distance_measure_type = "DOT_PRODUCT_DISTANCE"

      algorithm_config {
        tree_ah_config {
          leaf_node_embedding_count    = 1000
          leaf_nodes_to_search_percent = 10
        }
      }
    }
  }

  timeouts {
    create = "3h"
  }
}

resource "google_vertex_ai_index_endpoint" "chunks" {
  #checkov:skip=CKV2_GCP_34:Its domain is Google's and asks for a role at each call, as all of Vertex AI does.
  count = local.vertex ? 1 : 0

  region                  = var.region
  display_name            = "${var.name}-chunks"
  description             = "Where the vectors of chunks are searched"
  public_endpoint_enabled = true
}

resource "google_vertex_ai_index_endpoint_deployed_index" "chunks" {
  count = local.vertex ? 1 : 0

  index                 = google_vertex_ai_index.chunks[0].id
  index_endpoint        = google_vertex_ai_index_endpoint.chunks[0].id
  deployed_index_id     = "chunks_${var.embedding_dimensions}"
  enable_access_logging = false

  # Left to itself, Vertex AI takes two replicas of a larger machine.
  dedicated_resources {
    min_replica_count = var.index_replicas
    max_replica_count = var.index_replicas

    machine_spec {
      machine_type = var.index_machine_type
    }
  }

  # A deployment takes half an hour to an hour, and longer on a bad day.
  timeouts {
    create = "3h"
    update = "3h"
    delete = "1h"
  }
}
