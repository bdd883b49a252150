"""Loads daily advertising statistics of Yandex Direct into the warehouse."""

__version__ = "1.0.0"
LOADER = "yandex_direct"
