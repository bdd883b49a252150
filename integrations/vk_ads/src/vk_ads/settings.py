"""Settings of the VK Реклама loader. A field's variable is its name in upper case."""

from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr
from zakaz_common.settings import CommonSettings, OptionalPath

PREFIX = "VK_ADS_"


class VkAdsSettings(CommonSettings):
    """Types and bounds of what source.yml describes, beside the common settings."""

    SOURCE: ClassVar[Path] = Path(__file__).resolve().parents[2] / "source.yml"

    vk_ads_base_url: str = Field(pattern=r"^https?://[^/\s]+")
    vk_ads_client_id: str
    vk_ads_client_secret: SecretStr
    vk_ads_account_name: str = Field(min_length=1)
    vk_ads_agency_clients: str
    vk_ads_accounts: SecretStr
    vk_ads_vat_rate: Decimal = Field(ge=0, lt=1, decimal_places=4)
    vk_ads_currency: str = Field(pattern="^([A-Z]{3})?$")
    vk_ads_requests_per_second: float = Field(gt=0, le=1000)
    vk_ads_window_days: int = Field(ge=1, le=366)
    vk_ads_deep_window_days: int = Field(ge=1, le=366)
    vk_ads_history_days: int = Field(ge=1, le=366)
    vk_ads_ca_bundle: OptionalPath
