"""Vertex AI, through google.cloud.aiplatform_v1, of which only what is imported is loaded: see `sdk`."""

from common.adapters.vertex.sdk import load_in_parts

load_in_parts()
