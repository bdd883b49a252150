"""`python -m qtickets_api`."""

from qtickets_api.cli import app

app()
