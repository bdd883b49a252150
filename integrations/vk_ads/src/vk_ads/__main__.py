"""``python -m vk_ads``."""

from .command_line import app

app(prog_name="vk_ads")
