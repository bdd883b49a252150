"""The VK Реклама API v2."""

from __future__ import annotations

from api_sandbox.service.vendor import Vendor
from api_sandbox.vk.cabinets import advertise
from api_sandbox.vk.routes import PREFIX, VkApi
from api_sandbox.vk.settings import VkSettings

VENDOR = Vendor("vk", PREFIX, VkSettings, VkApi, advertise)
