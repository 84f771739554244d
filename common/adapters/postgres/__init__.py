"""Cloud SQL for PostgreSQL, and the Postgres of the one-machine stack: the truth about documents, jobs and chunks."""
