"""Every setting is in the README and in the template of the env file, with the default it really has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from vk_ads.settings import VkAdsSettings

REPOSITORY = Path(__file__).resolve().parents[3]
README = (REPOSITORY / "integrations/vk_ads/README.md").read_text("utf-8")
TEMPLATE = dict(
    line.split("=", 1)
    for line in (REPOSITORY / "test_env/.env.template").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)
OWN = [name for name in VkAdsSettings.model_fields if name.startswith("vk_ads_")]


@pytest.mark.parametrize("name", VkAdsSettings.model_fields)
def test_the_readme_names_it_with_its_default(name: str) -> None:
    [row] = [line for line in README.splitlines() if line.startswith("|") and f"`{name.upper()}`" in line.split("|")[1]]
    field = VkAdsSettings.model_fields[name]
    default = field.default
    if field.is_required() or default is None or hasattr(default, "get_secret_value") or default == "":
        assert row.split("|")[2].strip() == ""
    else:
        told = re.sub(r"\.0$", "", str(default).lower() if isinstance(default, bool) else str(default))
        assert row.split("|")[2].strip() == f"`{told}`"


def test_the_template_holds_each_of_them_and_no_other() -> None:
    assert {name for name in TEMPLATE if name.startswith("VK_ADS_")} == {name.upper() for name in OWN}
