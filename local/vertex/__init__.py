"""A stand-in for Vertex AI, for the one-machine stack and for tests: gRPC over the protocol types of `aiplatform_v1`.

The real clients work against it over an insecure channel: `predict` and `embed_content` of the embedding models,
`generate_content` and `stream_generate_content` of Gemini, `upsert_datapoints` and `remove_datapoints` of one vector
index, `find_neighbors` and `read_index_datapoints` of its endpoint. Every other call and field is refused with
UNIMPLEMENTED.

What it promises: the documented limits are refused as Google refuses them, quotas answer RESOURCE_EXHAUSTED with the
time to wait, an upsert outlives the process once it is answered and is found after the delay asked for, and what goes
wrong, goes wrong on demand: `local.vertex.faults`.

What differs from the service: embeddings mean what MiniLM means, whatever the model's name; answers are the extractive
generator's; neighbours are exact; tokens are counted by MiniLM's tokenizer; nobody is asked who they are.
"""
