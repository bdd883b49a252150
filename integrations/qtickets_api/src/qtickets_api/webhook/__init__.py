"""Hints of the API that an order changed."""
