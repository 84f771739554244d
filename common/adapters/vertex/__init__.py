"""Vertex AI, through google.cloud.aiplatform_v1."""
