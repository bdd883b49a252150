"""Where an ad's link leads once Direct has added its parameters, and the UTM a visitor arrives with. Pure functions.

Direct adds one block of parameters: the group's, else the campaign's. A parameter of the block stands in place of the
link's own of that name; the anchor stays at the end. Macros become what Direct knows at a click; of those, an ad's own
numbers and its campaign's name, in Latin letters too, are known here, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

from zakaz_common.attribution.rules import link_utm
from zakaz_common.utm import Utm, clean_utm

_MACRO = re.compile(r"\{[a-z0-9_]*\}", re.IGNORECASE)
_JOINTS = " _-.|:/+"
_LATIN = str.maketrans(
    dict(zip("абвгдеёзийклмнопрстуфхыэ", "abvgdeeziyklmnoprstufhye", strict=True))
    | {"ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}
)


def final_link(href: str, group_block: str | None, campaign_block: str | None) -> str:
    """The link with the block that Direct adds; macros stay as they are.

    An ad without a link of its own leads where Direct knows: of its link the block alone is known. A link that cannot
    be read is left as it is.
    """
    block = _pairs((group_block or "").strip() or (campaign_block or "").strip())
    if not block:
        return href
    try:
        parts = urlsplit(href)
    except ValueError:
        return href
    names = {_name(pair) for pair in block}
    own = [pair for pair in _pairs(parts.query) if _name(pair) not in names]
    return urlunsplit(parts._replace(query="&".join(own + block)))


def final_utm(link: str, macros: Mapping[str, str]) -> Utm:
    """The UTM of a final link as a visitor arrives with it.

    Parameters:
        macros: what stands for a macro, such as ``ad_id``. Others are left out, with the sign that joined them.
    """

    def expand(value: str) -> str:
        def known(macro: re.Match[str]) -> str:
            return macros.get(macro[0][1:-1].lower(), "")

        if not _MACRO.search(value):
            return value
        whole = all(one[1:-1].lower() in macros for one in _MACRO.findall(value))
        expanded = _MACRO.sub(known, value)
        return clean_utm(quote(expanded if whole else expanded.strip(_JOINTS)))

    return Utm(*map(expand, link_utm(link)))


def ad_macros(*, ad_id: int, group_id: int, campaign_id: int, campaign_name: str) -> dict[str, str]:
    """What is known of an ad's macros. One whose value is not known (0, '') is left out like those of a click."""
    known = {
        "ad_id": str(ad_id),
        "banner_id": str(ad_id),
        "gbid": str(group_id or ""),
        "campaign_id": str(campaign_id or ""),
        "campaign_name": campaign_name,
        "campaign_name_lat": in_latin(campaign_name),
    }
    return {macro: value for macro, value in known.items() if value}


def in_latin(name: str) -> str:
    """A name as ``{campaign_name_lat}`` writes it: Latin small letters and digits, ``_`` for whatever is between."""
    return re.sub("[^a-z0-9]+", "_", name.lower().translate(_LATIN)).strip("_")


def _pairs(query: str) -> list[str]:
    return [pair for pair in query.lstrip("?&").split("&") if pair]


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])
