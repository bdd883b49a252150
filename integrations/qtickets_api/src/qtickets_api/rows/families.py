"""Parents with all their children, and many such joined into one batch."""

from dataclasses import dataclass, field
from itertools import chain

from zakaz_common.columns import Columns, row_count
from zakaz_common.run_journal import DegradedField, RejectedRecord


@dataclass(slots=True)
class Family:
    """Parents (orders, events) with all their children (tickets, shows), one version of each parent.

    Of two versions of a parent the newer counts, of equal ones the later read: the children of an older version
    must not appear beside those of a newer one. `rejected` are records that were left out, `degraded` fields.
    """

    parents: Columns
    children: Columns
    rejected: list[RejectedRecord] = field(default_factory=list)
    degraded: list[DegradedField] = field(default_factory=list)


class Families:
    """Families in the order they were read, no parent twice. `rows` are those of the larger table.

    Parameters: `empty` is a family of no parents, with all columns; `key` the parents' key.
    """

    def __init__(self, empty: Family, key: str = "order_id") -> None:
        self._none = empty
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
        held = self._held or [self._none]
        self._empty()
        return Family(
            _joined([family.parents for family in held]),
            _joined([family.children for family in held]),
            [record for family in held for record in family.rejected],
            [one for family in held for one in family.degraded],
        )


def _joined(parts: list[Columns]) -> Columns:
    return {name: list(chain.from_iterable([part[name] for part in parts])) for name in parts[0]}
