"""Faults inside the rows of reports that tell day, campaign, ad and network: one cell of a chosen share of rows.

What is done to a row depends on the fault and on what the row is of alone, so that it is the same in every report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date

from api_sandbox.service.faults import Damage, Fault
from api_sandbox.service.report_text import ReportText
from api_sandbox.yandex_direct.cabinets import DirectAccount
from api_sandbox.yandex_direct.facts import facts
from api_sandbox.yandex_direct.report_fields import DIMENSIONS

_KEY = ("Date", "CampaignId", "AdId", "AdNetworkType")
_NUMBER = ("много", "-", "1.5.2", "")
_SPOILT: dict[str, dict[str, tuple[str, ...]]] = {
    "identity": {
        "Date": ("2026-13-45", "вчера", ""),
        "CampaignId": ("abc", "1.5", ""),
        "Impressions": ("--", *_NUMBER),
        "Clicks": _NUMBER,
        "Cost": ("free", "1,500.00", ""),
    },
    "descriptive": {"Conversions": ("много", "1.5.2"), "CampaignType": ("", "?"), "AdNetworkType": ("", "SKY")},
    "ignored": {"Sessions": _NUMBER, "Bounces": _NUMBER},
}
_NAMES = ("CampaignName", "AdGroupName")
_ADDED = {
    "surrogate": "\udced\udca0\udcbd",  # the three bytes of half a surrogate pair
    "nul": "\x00",
    "control": "\x07\x1b[31m\x85",
    "bidi": "\u202e\u2066",
    "huge": "ж" * 32_768,
    "emoji": "🎭👨‍👩‍👧",
    "invalid_utf8": "\udcff\udcfe",
}


def damaged(fault: Fault, body: bytes) -> bytes:
    """The report with the fault in its rows; as it was where they do not tell what they are of."""
    report = ReportText.read(body)
    if report is None or not set(_KEY) <= set(report.names):
        return body
    for row in report.rows:
        key = tuple(row[name] for name in _KEY)
        if place := _place(fault, key, report.names):
            row[place] = _cell(fault, key, place, row[place])
    return report.write()


def damages(fault: Fault, accounts: Iterable[DirectAccount]) -> Iterator[Damage]:
    """What the fault does to a report with all of its columns over the whole season."""
    for account in accounts:
        for fact in facts(account, date.min, date.max):
            key = tuple(DIMENSIONS[name](account, fact) for name in _KEY)
            if place := _place(
                fault, key, [*_SPOILT["identity"], *_SPOILT["descriptive"], *_SPOILT["ignored"], *_NAMES]
            ):
                number = fact.campaign.id if fact.campaign.without_ads else fact.ad.id
                yield Damage("report", number, f"$[{key[0]}][{key[3]}].{place}", fault.kind, fault.form or fault.rank)


def _place(fault: Fault, key: tuple[str, ...], names: Iterable[str]) -> str | None:
    """The column that the fault damages in the row, None where it passes the row over."""
    if _draw(fault, key, "strike") >= fault.share:
        return None
    offered: Iterable[str] = _SPOILT[fault.rank]
    if fault.kind != "spoil":
        offered = ("Cost",) if fault.kind == "money" else _NAMES
    found = [name for name in offered if name in names and (not fault.paths or name in fault.paths)]
    return found[int(_draw(fault, key, "field") * len(found))] if found else None


def _cell(fault: Fault, key: tuple[str, ...], place: str, cell: str) -> str:
    drawn = _draw(fault, key, "value")
    if fault.kind == "text":
        return cell + _ADDED[fault.form]
    if fault.kind == "money":
        return _as_money(fault.form, cell, drawn)
    values = _SPOILT[fault.rank][place]
    return values[int(drawn * len(values))]


def _as_money(form: str, cell: str, drawn: float) -> str:
    """Another form of the same money; a fraction and noise round to it again."""
    whole, _, part = cell.partition(".")
    if form == "noise":
        return f"{whole}.{part:0<2}00000000001" if part else cell
    if form == "fraction":
        return f"{cell}4" if part else cell
    if form == "string":
        return f'"{cell}"'
    if form == "spaced":
        return f"{int(whole):,}".replace(",", (" ", "\u00a0", "\u202f")[int(drawn * 3)]) + (f".{part}" if part else "")
    return f"{whole}{part}e-{len(part)}"


def _draw(fault: Fault, key: tuple[str, ...], what: str) -> float:
    """A number in [0, 1) of the fault and the row."""
    digest = hashlib.blake2b(f"{fault.seed}:{fault.kind}:{key}:{what}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 256**7
