"""Reading a list that changes, against a list in memory that behaves as told."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qtickets_api.paging.pages import Page
from qtickets_api.paging.scan import Scan
from qtickets_api.records import Paging
from zakaz_common.errors import DataError
from zakaz_common.warehouse import RejectedRecord


@dataclass
class Record:
    id: int
    value: int = 0


@dataclass
class Server:
    """`knows` are the columns whose filters it honours; `between` is called before each answer."""

    records: dict[int, Record]
    per_page: int = 3
    knows: frozenset = frozenset({"id", "value"})
    between: list = field(default_factory=list)
    requests: int = 0

    def fetch(self, body):
        if self.requests < len(self.between) and self.between[self.requests]:
            self.between[self.requests](self)
        self.requests += 1
        rows = [self.records[key] for key in sorted(self.records)]
        for entry in body["where"]:
            if entry["column"] in self.knows:
                rows = [row for row in rows if self._holds(row, entry)]
        start = (body["page"] - 1) * self.per_page
        shown = rows[start : start + self.per_page]
        return Page(list(shown), [row.id for row in shown], Paging(self.per_page, body["page"], len(rows)))

    @staticmethod
    def _holds(row, entry):
        value, limit = getattr(row, entry["column"]), entry["value"]
        return {">": value > limit, "<=": value <= limit, "<": value < limit, ">=": value >= limit}[entry["operator"]]


def server(*ids, **options):
    return Server({number: Record(number) for number in ids}, **options)


def scan(source, **options):
    return Scan("orders", source.fetch, lambda record: record.id, **options)


def read(found):
    return [record.id for batch in found for record in batch.records]


BELOW_FIVE = {"where": [{"column": "value", "operator": "<", "value": 5}], "keep": lambda r: r.value < 5}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7, 10])
def test_every_record_is_read_once(count):
    found = scan(server(*range(1, count + 1)))
    assert read(found) == list(range(1, count + 1))
    assert found.complete
    assert list(found.seen) == list(range(1, count + 1))


def test_a_page_of_records_is_one_request_and_the_total_one_more():
    source = server(*range(1, 10))
    read(scan(source))
    assert source.requests == 4


def test_a_read_goes_on_after_an_id():
    assert read(scan(server(1, 2, 3, 4, 5), after_id=3)) == [4, 5]


def test_records_leaving_the_window_while_paging_hide_no_other():
    def leaves(number):
        def act(source):
            source.records[number].value = 9

        return act

    source = server(*range(1, 13))
    source.between = [None, leaves(1), leaves(5), leaves(12)]
    found = scan(source, **BELOW_FIVE)
    assert set(read(found)) >= {2, 3, 4, 6, 7, 8, 9, 10, 11}
    assert found.complete


def test_records_that_join_at_the_end_are_read():
    source = server(1, 2, 3, 4)
    source.between = [None, lambda s: s.records.update({5: Record(5), 6: Record(6)})]
    found = scan(source)
    assert read(found) == [1, 2, 3, 4, 5, 6]
    assert found.complete


def test_a_filter_the_server_ignores_is_applied_here_and_told():
    source = server(*range(1, 8), knows=frozenset({"id"}))
    source.records[3].value = 9
    found = scan(source, **BELOW_FIVE)
    assert read(found) == [1, 2, 4, 5, 6, 7]
    assert found.filter_ignored
    assert found.complete


@pytest.mark.parametrize("count", [1, 3, 4, 7, 9])
def test_a_server_that_ignores_every_filter_is_read_by_page_numbers(count):
    source = server(*range(1, count + 1), knows=frozenset())
    source.records[1].value = 9
    found = scan(source, **BELOW_FIVE)
    assert sorted(set(read(found))) == list(range(2, count + 1))
    assert found.by_number or count <= 3
    assert found.complete


def test_a_record_that_vanishes_while_paging_by_number_has_the_list_read_again():
    source = server(*range(1, 10), knows=frozenset())
    # three requests find out that ids are ignored, the fourth is page 1; before page 2 all move up by one
    source.between = [None] * 4 + [lambda s: s.records.pop(1)]
    found = scan(source)
    assert set(read(found)) >= set(range(2, 10))
    assert found.complete
    assert list(found.seen) == list(range(2, 10))


def test_a_page_that_comes_twice_once_is_asked_for_again():
    source = server(*range(1, 8))
    honest = source.fetch
    calls = []

    def stutters(body):
        calls.append(body)
        last = body["where"][-1]["value"]
        if len(calls) == 3:
            body = {**body, "where": [{"column": "id", "operator": ">", "value": last - 3}]}
        return honest(body)

    source.fetch = stutters
    found = scan(source)
    assert read(found) == list(range(1, 8))
    assert not found.by_number


def test_a_server_that_counts_more_than_it_shows_is_not_believed():
    source = server(1, 2, 3, 4)
    honest = source.fetch

    def hides(body):
        page = honest(body)
        page.records = [r for r in page.records if r.id != 2]
        page.ids = [r.id for r in page.records]
        return page

    source.fetch = hides
    found = scan(source)
    with pytest.raises(DataError, match="still counts more records than it shows"):
        read(found)
    assert not found.complete


def test_rejected_records_count_as_read():
    source = server(1, 2, 3, 4)
    honest = source.fetch

    def rejects(body):
        page = honest(body)
        page.rejected = [RejectedRecord("orders", str(r.id), "$", "bad") for r in page.records if r.id == 2]
        page.records = [r for r in page.records if r.id != 2]
        return page

    source.fetch = rejects
    found = scan(source)
    assert read(found) == [1, 3, 4]
    assert found.complete
    assert 2 in found.seen, "a rejected order has not vanished"


@pytest.mark.parametrize("knows", [frozenset({"id", "value"}), frozenset()])
def test_a_record_that_a_page_holds_twice_does_not_stop_the_read(knows):
    """As a join in the source makes them, and counts them."""
    source = server(*range(1, 8), knows=knows, per_page=10)
    honest = source.fetch

    def doubles(body):
        page = honest(body)
        page.records = [r for r in page.records for _ in range(1 + (r.id in (1, 4)))]
        page.ids = [r.id for r in page.records]
        page.paging.total = len(page.ids)
        return page

    source.fetch = doubles
    found = scan(source)
    assert sorted(set(read(found))) == list(range(1, 8))
    assert found.complete


def test_a_record_without_a_readable_id_is_counted_in_a_read_by_page_numbers_too():
    source = server(*range(1, 8), knows=frozenset())
    honest = source.fetch

    def nameless(body):
        page = honest(body)
        page.rejected = [RejectedRecord("orders", "record", "$.id", "bad") for r in page.records if r.id == 5]
        page.records = [r for r in page.records if r.id != 5]
        page.ids = [r.id for r in page.records]
        return page

    source.fetch = nameless
    found = scan(source)
    assert sorted(set(read(found))) == [1, 2, 3, 4, 6, 7]
    assert found.by_number
    assert found.complete


def test_a_page_without_any_readable_id_stops_the_read():
    def nameless(body):
        return Page([], [], Paging(3, 1, 5), [RejectedRecord("orders", "record 1 of a page", "$.id", "bad")])

    with pytest.raises(DataError, match="no record with a readable id"):
        read(Scan("orders", nameless, lambda r: r.id))


@settings(max_examples=150, deadline=None)
@given(
    ids=st.sets(st.integers(1, 60), max_size=25),
    changes=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["leave", "join"]), st.integers(1, 60)), max_size=8),
    knows=st.sampled_from([frozenset({"id", "value"}), frozenset({"id"}), frozenset()]),
    per_page=st.integers(1, 7),
)
def test_whatever_changes_while_reading_nothing_that_stays_is_missed(ids, changes, knows, per_page):
    source = server(*ids, knows=knows, per_page=per_page)
    plan = {}
    for turn, kind, number in changes:
        plan.setdefault(turn, []).append((kind, number))
    touched = set()

    def act(turn):
        def change(changing):
            for kind, number in plan.get(turn, []):
                if kind == "leave" and number in changing.records:
                    changing.records[number].value = 9
                    touched.add(number)
                elif kind == "join":
                    # new orders get ids above all there are
                    new = max([*changing.records, 60]) + 1
                    changing.records[new] = Record(new)
                    touched.add(new)

        return change

    source.between = [act(turn) for turn in range(13)]
    found = scan(source, **BELOW_FIVE)
    shown = read(found)
    assert set(shown) >= ids - touched
    assert set(shown) <= ids | touched
