"""``python -m yandex_direct``."""

from yandex_direct.cli import app

app()
