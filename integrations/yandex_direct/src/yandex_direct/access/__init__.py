"""Whose statistics are read, and what the API says where it refuses."""
