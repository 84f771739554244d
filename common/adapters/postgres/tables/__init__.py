"""The schema as SQLAlchemy knows it; a test proves that it and the migrations agree."""

from common.adapters.postgres.tables import documents, operations, questions, tenants, ways
from common.adapters.postgres.tables.columns import HalfVector, metadata

__all__ = ["HalfVector", "documents", "metadata", "operations", "questions", "tenants", "ways"]
