"""What Direct puts in place of ``{…}`` in links and blocks of parameters when somebody clicks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from api_sandbox.season.records import AdGroup, Banner

if TYPE_CHECKING:
    from api_sandbox.yandex_direct.cabinets import Campaign

_MACRO = re.compile(r"\{(\w+)\}")
_LATIN = {
    **dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True)),
    **{
        "ё": "e",
        "ж": "zh",
        "х": "h",
        "ц": "ts",
        "ч": "ch",
        "ш": "sh",
        "щ": "sch",
        "ъ": "",
        "ь": "",
        "ю": "yu",
        "я": "ya",
    },
}


def resolved(text: str, campaign: Campaign, group: AdGroup, ad: Banner) -> str:
    """The text with every known macro replaced; unknown ones stay as they are."""
    values = {
        "campaign_id": str(campaign.id),
        "campaign_name": campaign.name,
        "campaign_name_lat": _latin(campaign.name),
        "campaign_type": "type6",
        "gbid": str(group.id),
        "ad_id": str(ad.id),
        "banner_id": str(ad.id),
        "phrase_id": str(group.id % 1_000_000),
        "keyword": "билеты на концерт",
        "adtarget_id": "0",
        "retargeting_id": "0",
        "source": "none",
        "source_type": "search",
        "position": "1",
        "position_type": "premium",
        "device_type": "mobile",
        "region_id": "213",
        "match_type": "rm",
        "yclid": str(ad.id * 31 % 10**19),
    }
    return _MACRO.sub(lambda match: values.get(match[1], match[0]), text)


def _latin(text: str) -> str:
    letters = (_LATIN.get(letter, letter) for letter in text.lower())
    return re.sub(r"[^a-z0-9]+", "_", "".join(letters)).strip("_")
