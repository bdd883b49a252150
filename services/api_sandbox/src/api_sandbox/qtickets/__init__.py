"""The Qtickets REST API v1."""

from __future__ import annotations

from api_sandbox.qtickets.routes import PREFIX, QticketsApi, QticketsSettings
from api_sandbox.service.vendor import Vendor

VENDOR = Vendor("qtickets", PREFIX, QticketsSettings, QticketsApi)
