"""Loads daily advertising statistics of VK Реклама into the warehouse."""

__version__ = "1.0.0"
LOADER = "vk_ads"
