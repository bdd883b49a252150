"""Settings of the Yandex Direct loader. A field's variable is its name in upper case."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr
from zakaz_common.settings import CommonSettings, OptionalPath

PREFIX = "YANDEX_DIRECT_"
#: Direct keeps the present month and three years: in its last days that is a month more.
_LONGEST = 1096


class YandexDirectSettings(CommonSettings):
    """Types and bounds of what source.yml describes, beside the common settings."""

    SOURCE: ClassVar[Path] = Path(__file__).resolve().parents[2] / "source.yml"

    yandex_direct_base_url: str = Field(pattern=r"^https?://[^/\s]+")
    yandex_direct_api_version: str = Field(pattern="^v[0-9]{1,4}$")
    yandex_direct_token: SecretStr
    yandex_direct_account_name: str = Field(min_length=1)
    yandex_direct_agency_clients: str
    yandex_direct_accounts: SecretStr
    yandex_direct_requests_per_second: float = Field(gt=0, le=1000)
    yandex_direct_window_days: int = Field(ge=1, le=_LONGEST)
    yandex_direct_deep_window_days: int = Field(ge=1, le=_LONGEST)
    yandex_direct_long_window_days: int = Field(ge=1, le=_LONGEST)
    yandex_direct_history_days: int = Field(ge=1, le=_LONGEST)
    yandex_direct_report_rows: int = Field(ge=1, le=1_000_000)
    yandex_direct_ca_bundle: OptionalPath
