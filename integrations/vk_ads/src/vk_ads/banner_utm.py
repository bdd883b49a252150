"""The UTM that VK gives a banner: its automatic parameters, the group's template, and their macros."""

from __future__ import annotations

from zakaz_common.attribution.rules import link_utm
from zakaz_common.utm import Utm, clean_utm

#: What VK appends by itself when UTM is automatic; campaign_id is the ad *group*.
AUTOMATIC_UTM = "utm_source=vk_ads&utm_medium=cpc&utm_campaign={{campaign_id}}&utm_content={{banner_id}}"


def banner_utm(
    url: str, *, enable_utm: bool | None, group_utm: str | None, banner_id: int, group_id: int, plan_id: int
) -> Utm:
    """The UTM a visitor arrives with: what VK appends for the group, else the link's own parameters.

    Parameters:
        url: the banner's link.
        enable_utm: the group's switch; VK appends nothing when it is off.
        group_utm: the group's template; empty means VK's automatic one.
    Returns:
        the five parameters, with VK's macros replaced by this banner's ids.
    """
    found = link_utm(url)
    if enable_utm:
        template = (group_utm or "").strip().lstrip("?&") or AUTOMATIC_UTM
        appended = link_utm(f"?{template}")
        found = Utm(*(added or own for own, added in zip(found, appended, strict=True)))
    macros = {"{{banner_id}}": banner_id, "{{campaign_id}}": group_id, "{{ad_plan_id}}": plan_id}

    def expand(value: str) -> str:
        for macro, number in macros.items():
            value = value.replace(macro, str(number))
        return clean_utm(value)

    return Utm(*map(expand, found))
