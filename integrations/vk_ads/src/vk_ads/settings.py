"""Settings of the VK Реклама loader. A field's variable is its name in upper case."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import Field, SecretStr
from zakaz_common.settings import CommonSettings

PREFIX = "VK_ADS_"


class VkAdsSettings(CommonSettings):
    """What the loader needs beside the common settings."""

    vk_ads_base_url: str = Field(
        "https://ads.vk.ru", pattern=r"^https?://[^/\s]+", description="Address of VK Реклама, without a path"
    )
    vk_ads_client_id: str = Field("", description="Id of the API client (one cabinet or an agency)")
    vk_ads_client_secret: SecretStr = Field(SecretStr(""), description="Its secret")
    vk_ads_account_name: str = Field("main", min_length=1, description="The cabinet's name in the warehouse")
    vk_ads_agency_clients: str = Field("", description="Names of an agency's clients, comma separated")
    vk_ads_accounts: SecretStr = Field(SecretStr(""), description="Several cabinets, as a JSON list")
    vk_ads_vat_rate: Decimal = Field(
        Decimal("0.22"), ge=0, lt=1, decimal_places=4, description="VAT on top of the net spend (0.22 = 22 %)"
    )
    vk_ads_currency: str = Field(
        "", pattern="^([A-Z]{3})?$", description="Currency of a cabinet whose API does not say it, such as RUB"
    )
    vk_ads_requests_per_second: float = Field(2.0, gt=0, le=1000, description="Request rate of one cabinet")
    vk_ads_window_days: int = Field(3, ge=1, le=366, description="Days read again by every run")
    vk_ads_deep_window_days: int = Field(30, ge=1, le=366, description="Days read again once a day")
    vk_ads_history_days: int = Field(366, ge=1, le=366, description="Days the first run reads")
    vk_ads_ca_bundle: Path | None = Field(None, description="PEM file of CAs, instead of the system's")
