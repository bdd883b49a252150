"""The API of Yandex Direct, v5 and v501: reports and the objects that loaders read."""

from __future__ import annotations

from api_sandbox.service.vendor import Vendor
from api_sandbox.yandex_direct.cabinets import advertise
from api_sandbox.yandex_direct.routes import PREFIX, YandexDirectApi
from api_sandbox.yandex_direct.settings import YandexDirectSettings

VENDOR = Vendor("yandex_direct", PREFIX, YandexDirectSettings, YandexDirectApi, advertise, budget=0.3)
