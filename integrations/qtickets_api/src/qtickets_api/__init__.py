"""Loads sales from the Qtickets REST API into the warehouse."""

__version__ = "1.0.0"
LOADER = "qtickets_api"
