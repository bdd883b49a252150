"""``python -m vk_ads``."""

from vk_ads.cli import app

app()
