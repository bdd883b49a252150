"""What a run needs of one account; the API client and the fixtures of a dry run provide it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Protocol

import msgspec

from yandex_direct.reports.periods import Answer
from yandex_direct.reports.request import ReportKind
from yandex_direct.transform import Money


class Source(Protocol):
    """One account of Direct."""

    def money(self) -> Money:
        """What the account spends in, '' where the source does not say it, and its VAT."""

    def campaigns(self) -> list[msgspec.Raw]:
        """Every campaign."""

    def ad_groups(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        """Every group of these campaigns."""

    def ads(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        """Every ad of these campaigns."""

    def report(self, kind: ReportKind, first: date, last: date) -> Iterator[Answer]:
        """Every day of [first, last]."""
