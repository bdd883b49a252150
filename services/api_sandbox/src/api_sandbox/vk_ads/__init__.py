"""The VK Реклама API v2."""

from __future__ import annotations

from api_sandbox.service.vendor import Vendor
from api_sandbox.vk_ads.cabinets import advertise
from api_sandbox.vk_ads.routes import PREFIX, VkApi
from api_sandbox.vk_ads.settings import VkSettings

VENDOR = Vendor("vk_ads", PREFIX, VkSettings, VkApi, advertise)
