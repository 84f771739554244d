"""`./dev ingest-check`: each file of a folder through the whole stack, with a healthy document beside each."""
