"""Pages of the API, read to their end."""
