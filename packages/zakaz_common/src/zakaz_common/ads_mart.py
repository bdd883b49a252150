"""zakaz.dm_ads_daily and zakaz.dim_ads: one source's rows of what all sources of advertising share.

Every day has the city of the ad's attribution as known today, as sales have the city of their event as known today: a
quotient of the two compares like with like. Days on which staging and mart differ, as after a killed run, are found by
their checksums, days under another city by the source's ads; of such days only the rows that differ are written.

Rows of other sources are neither read nor written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from zakaz_common.city import UNATTRIBUTED
from zakaz_common.warehouse import Warehouse

_ADS = "dim_ads"
_ADS_KEY = ("source", "account", "ad_id")
_ADS_VALUES = (
    "name",
    "group_name",
    "campaign_name",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
)
_MART = "dm_ads_daily"
_KEY = ("d", "source", "account", "ad_id")
_FIGURES = ("campaign_id", "group_id", "impressions", "clicks", "goals", "spend", "vat_rate", "currency")


@dataclass(frozen=True, slots=True)
class AdsMart:
    """What one source has in the shared tables.

    Parameters:
        source: name of the loader; all that is written here has it, and nothing else is touched.
        ads: SELECT of the source's ads, a row an ``account`` and ``ad_id`` (String both): ``city`` of its attribution
            ('' is none), ``name``, ``group_name``, ``campaign_name`` and the five ``utm_…``; '' for what there is not.
        days: SELECT of its staging, a row a ``d`` (Date), ``account`` and ``ad_id``: ``campaign_id`` and ``group_id``
            as text, ``impressions``, ``clicks``, ``goals`` (NULL, not known, counts as 0), ``spend`` net of VAT,
            ``vat_rate``, ``currency``. Staging that is finer adds up here: sum(…) … GROUP BY d, account, ad_id.

    An ad of ``days`` that is not in ``ads`` keeps the city its days were computed with; a new one has none.
    """

    warehouse: Warehouse
    source: str
    ads: str
    days: str

    def refresh_ads(self) -> int:
        """Make dim_ads equal to the source's ads; returns the rows written."""
        desired = f"SELECT '{self.source}' AS source, * FROM ({self.ads})"  # noqa: S608
        return self.warehouse.reconcile(_ADS, _ADS_KEY, _ADS_VALUES, desired, scope=self._ours)

    def refresh_days(self, days: Collection[date] | None = None) -> int:
        """Make dm_ads_daily equal to staging on these days, else on all that are behind; returns the rows written."""
        behind = self.days_behind() if days is None else days
        return self.warehouse.replace_mart_days(_MART, _KEY, ("city", *_FIGURES), self.desired, behind, part=self._ours)

    def days_behind(self) -> set[date]:
        """Days whose figures differ from staging, or that have another city than their ads."""
        mart = f"(SELECT * FROM {self.warehouse.name(_MART)} FINAL WHERE {self._ours})"  # noqa: S608
        compared = ("account", "ad_id", *_FIGURES)
        return differing_days(self.warehouse, compared, self._staging, mart) | self._days_under_another_city(mart)

    @property
    def desired(self) -> str:
        """SELECT of the mart's rows as they ought to be, of the days in the parameter ``days``."""
        # The bounds let the engine skip parts; the exact list of days is the caller's scope.
        within = "d >= arrayMin({days:Array(Date)}) AND d <= arrayMax({days:Array(Date)})"
        figures = ", ".join(f"s.{name} AS {name}" for name in _FIGURES)
        return (
            f"SELECT s.d AS d, '{self.source}' AS source, s.account AS account, s.ad_id AS ad_id, "  # noqa: S608
            # An ad that is not listed joins as '', one that is has a city or 'unattributed'.
            f"coalesce(nullIf(a.known_city, ''), nullIf(m.city, ''), '{UNATTRIBUTED}') AS city, {figures} "
            f"FROM (SELECT * FROM {self._staging} WHERE {within}) AS s "
            f"LEFT ANY JOIN {self._cities} AS a ON a.account = s.account AND a.ad_id = s.ad_id "
            f"LEFT ANY JOIN (SELECT d, account, ad_id, city FROM {self.warehouse.name(_MART)} FINAL "
            f"WHERE {self._ours} AND {within}) AS m ON m.d = s.d AND m.account = s.account AND m.ad_id = s.ad_id"
        )

    @property
    def _ours(self) -> str:
        return f"source = '{self.source}'"

    @property
    def _cities(self) -> str:
        known = f"if(city = '', '{UNATTRIBUTED}', city) AS known_city"
        return f"(SELECT account, ad_id, {known} FROM ({self.ads}))"  # noqa: S608

    @property
    def _staging(self) -> str:
        """The days with the mart's own types: a sum is wider, and has another checksum."""
        types = self.warehouse.column_types(self.warehouse.name(_MART))
        figures = ", ".join(
            f"CAST({'ifNull(u.goals, 0)' if name == 'goals' else f'u.{name}'} AS {types[name]}) AS {name}"
            for name in _FIGURES
        )
        return f"(SELECT u.d AS d, u.account AS account, u.ad_id AS ad_id, {figures} FROM ({self.days}) AS u)"  # noqa: S608

    def _days_under_another_city(self, mart: str) -> set[date]:
        found = self.warehouse.query(
            f"SELECT DISTINCT m.d FROM {mart} AS m ALL INNER JOIN {self._cities} AS a "  # noqa: S608
            "ON a.account = m.account AND a.ad_id = m.ad_id WHERE m.city != a.known_city"
        )
        return {row[0] for row in found}


def differing_days(warehouse: Warehouse, columns: Sequence[str], *sides: str) -> set[date]:
    """Days on which two tables differ in these columns; each side is what may stand after FROM, and has ``d``."""
    each = " UNION ALL ".join(
        f"SELECT d, count() AS rows, groupBitXor(cityHash64({', '.join(columns)})) AS content FROM {side} GROUP BY d"  # noqa: S608
        for side in sides
    )
    found = warehouse.query(
        f"SELECT d FROM ({each}) GROUP BY d HAVING count() = 1 OR uniqExact(rows, content) > 1"  # noqa: S608
    )
    return {row[0] for row in found}
