"""Settings of the Qtickets loader, beside those every loader has."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from zakaz_common.settings import CommonSettings

OPTIONAL_DATASETS = frozenset({"inventory", "discounts", "promo_codes", "color_themes", "barcodes"})


def _names(text: str) -> frozenset[str]:
    """The names of a list by comma; `none` is the empty list."""
    return frozenset(name.strip() for name in text.split(",") if name.strip()) - {"none"}


class QticketsSettings(CommonSettings):
    """Where the API is, how politely it is asked, and how far back a run looks."""

    qtickets_base_url: str = Field("https://qtickets.ru/api/rest/v1", description="Base URL of the REST API")
    qtickets_token: SecretStr = Field(min_length=1, description="Token made in the seller's cabinet")
    qtickets_requests_per_second: float = Field(5, gt=0, le=1000, description="Request rate")
    qtickets_lookback_hours: int = Field(48, ge=0, le=24 * 90, description="Re-read before the watermark")
    qtickets_deep_reread_days: int = Field(7, ge=1, le=365, description="Days between re-reads of everything")
    qtickets_optional_datasets: str = Field(
        "inventory,discounts,promo_codes,color_themes,barcodes", description="Optional datasets, by comma"
    )
    qtickets_max_vanished_ratio: float = Field(
        0.05, ge=0, le=1, description="Largest part of the orders that may vanish at once"
    )
    qtickets_webhook_secret: SecretStr = Field(SecretStr(""), description="Secret of the webhook receiver")
    qtickets_webhook_port: int = Field(8081, ge=0, le=65535, description="Port of the webhook receiver")
    qtickets_webhook_delay_seconds: float = Field(
        5, gt=0, le=3600, description="How long hints are collected before the orders are read again"
    )
    qtickets_ca_bundle: Path | None = Field(None, description="PEM file of the API's CA, if not the system's")

    @field_validator("qtickets_base_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("qtickets_optional_datasets")
    @classmethod
    def _are_known(cls, value: str) -> str:
        unknown = _names(value) - OPTIONAL_DATASETS
        if unknown:
            known = ", ".join(sorted(OPTIONAL_DATASETS))
            raise ValueError(f"unknown dataset {min(unknown)}; known are {known}")
        return value

    def optional_datasets(self) -> frozenset[str]:
        """The optional datasets to load."""
        return _names(self.qtickets_optional_datasets)
