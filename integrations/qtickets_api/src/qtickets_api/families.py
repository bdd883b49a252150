"""Families of many pages, joined into one batch."""

from itertools import chain

from zakaz_common.columns import Columns, row_count

from qtickets_api.transform import Family, order_family


class Families:
    """Families in the order they were read, no parent twice. `rows` are those of the larger table."""

    def __init__(self, key: str = "order_id") -> None:
        self._key = key
        self._empty()

    def _empty(self) -> None:
        self._held: list[Family] = []
        self._keys: set[int] = set()
        self.rows = 0

    def has_any_of(self, family: Family) -> bool:
        """Whether a parent of `family` is held already: its two versions must not land in one batch."""
        return not self._keys.isdisjoint(family.parents[self._key])

    def add(self, family: Family) -> None:
        """Hold a family."""
        self._held.append(family)
        self._keys.update(family.parents[self._key])
        self.rows += max(row_count(family.parents), row_count(family.children))

    def taken(self) -> Family:
        """All of them as one; nothing is held afterwards."""
        held = self._held or [order_family(())]
        self._empty()
        return Family(
            _joined([family.parents for family in held]),
            _joined([family.children for family in held]),
            [record for family in held for record in family.rejected],
        )


def _joined(parts: list[Columns]) -> Columns:
    return {name: list(chain.from_iterable([part[name] for part in parts])) for name in parts[0]}
