"""What the source showed in a long read so far, over all the runs that a deadline cut it into."""

from array import array
from dataclasses import dataclass, field


@dataclass(slots=True)
class Shown:
    """Ids of the records, ascending, and how many records there were: some have no readable id."""

    ids: "array[int]" = field(default_factory=lambda: array("Q"))
    records: int = 0

    def add(self, ids: list[int], unnamed: int, beyond: int) -> None:
        """Join a page. Of a page that comes again, after a repeated scan, only ids `beyond` the last one count."""
        new = [known for known in ids if known > beyond]
        self.ids.extend(new)
        self.records += len(new) + (unnamed if new else 0)

    def join(self, later: "Shown") -> None:
        """Join the records of a batch that has landed."""
        self.ids.extend(later.ids)
        self.records += later.records
