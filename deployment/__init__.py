"""What brings the functions to Google Cloud."""
