"""The vendors this service plays. A further one is a folder beside these and a line here."""

from __future__ import annotations

from api_sandbox import qtickets, vk
from api_sandbox.service.vendor import Vendor

VENDORS: tuple[Vendor, ...] = (
    qtickets.VENDOR,
    vk.VENDOR,
)
