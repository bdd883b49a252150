"""Settings of the Qtickets loader, beside those every loader has."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator
from zakaz_common.settings import CommonSettings, OptionalPath

OPTIONAL_DATASETS = frozenset({"inventory", "discounts", "promo_codes", "color_themes", "barcodes"})


def _names(text: str) -> frozenset[str]:
    """The names of a list by comma; `none` is the empty list."""
    return frozenset(name.strip() for name in text.split(",") if name.strip()) - {"none"}


class QticketsSettings(CommonSettings):
    """Types and bounds of what source.yml describes, beside the common settings."""

    SOURCE: ClassVar[Path] = Path(__file__).resolve().parents[2] / "source.yml"

    qtickets_base_url: str
    qtickets_token: SecretStr = Field(min_length=1)
    qtickets_requests_per_second: float = Field(gt=0, le=1000)
    qtickets_lookback_hours: int = Field(ge=0, le=24 * 90)
    qtickets_deep_reread_days: int = Field(ge=1, le=365)
    qtickets_optional_datasets: str
    qtickets_max_vanished_ratio: float = Field(ge=0, le=1)
    qtickets_ca_bundle: OptionalPath
    qtickets_webhook_port: int = Field(ge=0, le=65535)
    qtickets_webhook_secret: SecretStr
    qtickets_webhook_delay_seconds: float = Field(gt=0, le=3600)

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
