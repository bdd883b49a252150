"""Waiting for a report: what is asked, how often, how long."""

from __future__ import annotations

from datetime import date

import pytest
from yandex_direct.access.refusals import BuildFailed, NameTaken, QueueFull
from yandex_direct.reports import queue
from yandex_direct.reports.queue import ReportLate, retry_in, wait_for
from yandex_direct.reports.request import ADS, CAMPAIGNS, ReportRequest
from yandex_direct.reports.table import Table
from zakaz_common.deadline import Deadline
from zakaz_common.errors import DeadlineExceededError
from zakaz_common.http import PendingError

DAY = date(2026, 1, 31)
EMPTY = Table(lambda line: tuple(line.split()), stated=0)


class Clock:
    """A deadline whose waits pass at once."""

    def __init__(self, seconds: float = 10_000) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.deadline = Deadline(seconds, clock=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


class Direct:
    """Answers in turn, the last one for ever."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[ReportRequest] = []

    def __call__(self, request: ReportRequest) -> Table:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Table)
        return answer


def pending(retry: str | None = "3", status: int = 202) -> PendingError:
    return PendingError("not ready yet", status, {} if retry is None else {"retryIn": retry})


def request(first: date = date(2026, 1, 1), last: date = DAY, **changes: object) -> ReportRequest:
    return ReportRequest(ADS, first, last, 100, "", "run-1", **changes)  # type: ignore[arg-type]


def test_a_report_is_asked_for_again_with_the_same_body_until_it_is_there() -> None:
    clock, direct = Clock(), Direct(pending("5", 201), pending("7"), pending("2"), EMPTY)
    assert wait_for(direct, request(), clock.deadline).stated == 0
    assert clock.waits == [5, 7, 2]
    assert len({str(one.body()) for one in direct.asked}) == 1


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("5", 5), ("0.2", 1), ("1", 1), ("60", 60), ("61", 60), ("86400", 60), ("0", 10), ("-3", 10), ("soon", 10),
        ("", 10), (None, 10), ("nan", 10), ("inf", 10), ("7.5", 7.5),
    ],
)  # fmt: skip
def test_how_long_direct_asks_to_wait_is_believed_within_reason(told: str | None, seconds: float) -> None:
    assert retry_in({} if told is None else {"retryIn": told}) == seconds


@pytest.mark.parametrize(("left", "longest"), [(10_000, queue.LONGEST_BUILD), (1500, 375)])
def test_a_report_that_never_comes_leaves_time_for_its_halves(left: float, longest: float) -> None:
    clock = Clock(left)
    with pytest.raises(ReportLate, match="after ") as late:
        wait_for(Direct(pending("30")), request(), clock.deadline)
    assert longest - 30 < clock.now <= longest
    assert isinstance(late.value, BuildFailed) and late.value.too_much, "a reason to ask for less"


def test_the_deadline_of_the_run_is_the_last_word() -> None:
    clock = Clock(30)
    with pytest.raises(DeadlineExceededError):
        wait_for(Direct(QueueFull("9000")), request(), clock.deadline)
    assert clock.now <= 30


def test_a_place_in_the_queue_is_waited_for_but_not_for_ever() -> None:
    clock, full = Clock(), QueueFull("9000")
    direct = Direct(full, full, pending(), EMPTY)
    assert wait_for(direct, request(), clock.deadline).stated == 0
    assert clock.waits == [queue.QUEUE_WAIT, queue.QUEUE_WAIT, 3]
    # the time of waiting for a place is no time of building
    wait_for(Direct(*[full] * 15, *[pending("60")] * 9, EMPTY), request(), Clock().deadline)
    clock = Clock()
    with pytest.raises(QueueFull):
        wait_for(Direct(full), request(), clock.deadline)
    assert clock.now == queue.LONGEST_QUEUE
    assert QueueFull.exit_code == 75


def test_a_name_that_is_taken_is_changed_once() -> None:
    direct = Direct(NameTaken("4000"), pending(), EMPTY)
    wait_for(direct, request(), Clock().deadline)
    names = [one.body()["params"]["ReportName"] for one in direct.asked]
    assert names[0] != names[1] == names[2]
    with pytest.raises(NameTaken):
        wait_for(direct := Direct(NameTaken("4000")), request(), Clock().deadline)
    assert len(direct.asked) == 2


@pytest.mark.parametrize(
    ("too_much", "first", "waits"),
    [(False, 1, [10]), (True, 1, []), (False, 31, [10, 20]), (True, 31, [10, 20])],
)
def test_a_report_that_cannot_be_built_is_asked_for_again_where_that_may_help(
    too_much: bool, first: int, waits: list[float]
) -> None:
    clock, direct = Clock(), Direct(BuildFailed("no", too_much=too_much))
    with pytest.raises(BuildFailed):
        wait_for(direct, request(date(2026, 1, first)), clock.deadline)
    assert clock.waits == waits
    assert len(direct.asked) == len(waits) + 1


def test_a_failure_of_once_is_ridden_out() -> None:
    assert wait_for(Direct(BuildFailed("no", too_much=False), EMPTY), request(), Clock().deadline).stated == 0


def test_a_name_tells_reports_apart_and_nothing_else() -> None:
    def name(one: ReportRequest) -> str:
        return one.body()["params"]["ReportName"]

    same = request()
    others = [
        request(first=date(2026, 1, 2)),
        request(last=date(2026, 1, 30)),
        request(attempt=1),
        ReportRequest(CAMPAIGNS, same.first, same.last, 100, "", "run-1"),
        ReportRequest(ADS, same.first, same.last, 101, "", "run-1"),
        ReportRequest(ADS, same.first, same.last, 100, "client", "run-1"),
        ReportRequest(ADS, same.first, same.last, 100, "", "run-2"),
    ]
    names = [name(one) for one in (same, *others)]
    assert len(set(names)) == len(names)
    assert name(request()) == names[0]
    assert all(one.startswith("zakaz-") and len(one) < 100 for one in names)


def test_money_is_asked_for_net_of_vat_and_names_are_no_segments() -> None:
    for kind in (ADS, CAMPAIGNS):
        params = ReportRequest(kind, DAY, DAY, 5, "", "x").body()["params"]
        assert params["IncludeVAT"] == "NO"
        assert params["AttributionModels"] == ["LC"]
        assert params["Page"] == {"Limit": 5}
        assert params["SelectionCriteria"] == {"DateFrom": "2026-01-31", "DateTo": "2026-01-31"}
    assert not any("Name" in field for field in ADS.fields)
