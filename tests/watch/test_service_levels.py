"""A day's indicators against a recomputation that looks at every minute."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zakaz_watch.service_levels import Facts, Objectives, Run, day_of, measure, start_of

DAY = date(2026, 3, 8)
START = start_of(DAY)
MINUTE, HOUR = 60, 3600
LIMIT = 75
PROMISED = Objectives(
    freshness=0.99,
    completeness=1.0,
    rejected_share=0.001,
    loads_on_time=0.95,
    reconciliation=0.0,
    freshness_minutes=LIMIT,
    schedule_minutes=30,
    settle_hours=3,
    days=7,
    check_minutes=30,
)
LONG_AFTER = START + 5 * 86400


def run(start, minutes=1, mode="run", succeeded=True, window=None, rows=0, loader="ad_network"):
    """A run that begins so many minutes after the day does; its window in the same minutes, None for ever."""
    first, last = window if window else (None, None)
    return Run(
        loader,
        mode,
        succeeded,
        START + start * MINUTE,
        START + (start + minutes) * MINUTE,
        None if first is None else START + first * MINUTE,
        None if last is None else START + last * MINUTE,
        rows,
    )


def value(found, sli, subject="ad_network"):
    """The one value of an indicator, or None."""
    values = [level.value for level in found if (level.sli, level.subject) == (sli, subject)]
    assert len(values) < 2
    return values[0] if values else None


def facts(runs, began=-3 * 86400, **more):
    return Facts(runs=list(runs), began={"ad_network": START + began}, **more)


# --- a recomputation, minute by minute -----------------------------------------------------------


def fresh_minutes(runs, before, until):
    """Minutes of the day whose last scheduled success is less than the limit ago."""
    ends = [run.finished for run in runs if run.succeeded and run.mode == "run"]
    good = 0
    for minute in range(START, until, MINUTE):
        last = max([end for end in ends if end <= minute], default=before)
        good += minute - last < LIMIT * MINUTE
    return good


def read_minutes(runs, until):
    """Minutes of the day that lie whole in the window of a run that succeeded."""
    windows = [(run.window_from or 0, run.window_to) for run in runs if run.succeeded and run.window_to]
    return sum(any(a <= m and m + MINUTE <= b for a, b in windows) for m in range(START, until, MINUTE))


def kept_half_hours(runs, until):
    halves = range(START, until - 30 * MINUTE + 1, 30 * MINUTE)
    return sum(any(r.succeeded and r.mode == "run" and h <= r.started < h + 1800 for r in runs) for h in halves), len(
        halves
    )


minutes = st.integers(-300, 1500)
runs_of_a_day = st.lists(
    st.builds(
        run,
        start=minutes,
        minutes=st.integers(0, 40),
        mode=st.sampled_from(["run", "run", "run", "backfill", "webhook"]),
        succeeded=st.sampled_from([True, True, False]),
        window=st.none() | st.tuples(st.none() | minutes, minutes),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(runs=runs_of_a_day, passed=st.integers(1, 1440 + 600), before=st.integers(-2000, -301))
def test_shares_are_those_of_every_single_minute(runs, passed, before):
    until = START + min(passed, 1440) * MINUTE
    found = measure(
        DAY, facts(runs, success_before={"ad_network": START + before * MINUTE}), PROMISED, START + passed * 60
    )
    length = (until - START) // MINUTE
    assert value(found, "freshness") == pytest.approx(
        fresh_minutes(runs, START + before * MINUTE, until) / length, abs=1e-6
    )
    due = length if passed >= 1440 else length - LIMIT
    complete = value(found, "completeness")
    if due <= 0:
        assert complete is None
    else:
        assert complete == pytest.approx(read_minutes(runs, START + due * MINUTE) / due, abs=1e-6)
    kept, halves = kept_half_hours(runs, until)
    assert value(found, "loads_on_time") == (pytest.approx(kept / halves, abs=1e-6) if halves else None)


# --- what each one means -------------------------------------------------------------------------


def test_healthy_day_meets_every_objective():
    runs = [run(minute, window=(minute - 60, minute), rows=50) for minute in range(-30, 1500, 30)]
    found = measure(DAY, facts(runs), PROMISED, LONG_AFTER)
    assert {level.sli for level in found} == {
        "freshness",
        "completeness",
        "rejected_share",
        "loads_on_time",
        "reconciliation",
    }
    assert all(level.is_met and level.is_final for level in found)


def test_outage_of_three_hours_costs_what_lies_beyond_the_limit():
    runs = [run(minute) for minute in range(-30, 1441, 30) if not 600 < minute < 780]
    found = measure(DAY, facts(runs), PROMISED, LONG_AFTER)
    # the last success ends at 10:01, the next at 13:01
    assert value(found, "freshness") == pytest.approx(1 - (180 - LIMIT) / 1440, abs=1e-6)
    assert value(found, "loads_on_time") == pytest.approx(43 / 48, abs=1e-6)


def test_success_to_the_minute_of_the_limit_is_fresh():
    found = measure(DAY, facts([run(n, minutes=0) for n in range(-75, 1500, LIMIT)]), PROMISED, LONG_AFTER)
    assert value(found, "freshness") == 1


def test_day_of_the_first_run_begins_with_it():
    began = 12 * HOUR
    found = measure(DAY, facts([run(n) for n in range(720, 1441, 30)], began=began), PROMISED, LONG_AFTER)
    assert (value(found, "freshness"), value(found, "loads_on_time")) == (1, 1)
    # a first load of three hours is one in which nobody had figures
    slow = measure(DAY, facts([run(720, minutes=180)], began=began), PROMISED, START + 15 * HOUR)
    assert value(slow, "freshness") == pytest.approx(LIMIT / 180, abs=1e-6)


def test_days_before_the_first_run_are_not_measured():
    assert measure(DAY - timedelta(days=1), facts([run(0)], began=0), PROMISED, LONG_AFTER) == []
    assert measure(DAY, Facts(), PROMISED, LONG_AFTER) == []


def test_read_of_everything_covers_the_whole_day_and_a_late_backfill_its_days():
    assert value(measure(DAY, facts([run(2000, window=(None, 2000))]), PROMISED, LONG_AFTER), "completeness") == 1
    part = measure(DAY, facts([run(2000, mode="backfill", window=(0, 720))]), PROMISED, LONG_AFTER)
    assert value(part, "completeness") == 0.5


def test_webhook_makes_a_loader_neither_fresh_nor_on_time():
    found = measure(DAY, facts([run(n, mode="webhook") for n in range(0, 1440, 10)]), PROMISED, LONG_AFTER)
    assert (value(found, "freshness"), value(found, "loads_on_time"), value(found, "completeness")) == (0, 0, 0)


def test_rejected_share_is_told_by_dataset_and_together():
    known = {"ad_network": {"statistics", "banners", "plans"}}
    rejected = {
        (DAY, "ad_network", "statistics"): 3,
        (DAY, "ad_network", "banners"): 1,
        (DAY + timedelta(1), "ad_network", "x"): 9,
    }
    runs = [run(600, rows=100), run(700, rows=100, succeeded=False), run(1441, rows=999)]
    found = measure(DAY, facts(runs, rejected=rejected, datasets=known), PROMISED, LONG_AFTER)
    shares = {level.subject: (level.value, level.is_met) for level in found if level.sli == "rejected_share"}
    assert shares == {
        "ad_network": (0.02, False),
        "ad_network/statistics": (0.015, False),
        "ad_network/banners": (0.005, False),
        "ad_network/plans": (0.0, True),
    }


def test_rejected_records_of_a_run_that_left_no_row_are_the_worst():
    found = measure(
        DAY, facts([], rejected={(DAY, "ad_network", "x"): 1}, datasets={"ad_network": {"x"}}), PROMISED, LONG_AFTER
    )
    assert value(found, "rejected_share") == 1
    assert value(found, "rejected_share", "ad_network/x") == 1
    assert value(measure(DAY, facts([]), PROMISED, LONG_AFTER), "rejected_share") is None


def test_difference_counts_whatever_its_sign_and_its_absence_is_a_zero():
    differences = {(DAY, "sales_revenue", "RUB"): -0.01, (DAY, "ads_spend", "USD"): 5.0}
    found = measure(DAY, facts([], differences=differences), PROMISED, LONG_AFTER)
    reconciled = {level.subject: (level.value, level.is_met) for level in found if level.sli == "reconciliation"}
    assert reconciled == {
        "sales_revenue/RUB": (0.01, False),
        "ads_spend/RUB": (0.0, True),
        "ads_spend/USD": (5.0, False),
    }


def test_objectives_are_met_at_their_very_value():
    runs = [run(n) for n in range(-30, 1441, 30) if n != 600]
    exact = Objectives(**{**PROMISED.__dict__, "loads_on_time": round(47 / 48, 6), "rejected_share": 0.25})
    found = measure(
        DAY,
        facts([*runs, run(5, rows=4)], rejected={(DAY, "ad_network", "x"): 1}, datasets={"ad_network": {"x"}}),
        exact,
        LONG_AFTER,
    )
    assert {level.sli: level.is_met for level in found if level.subject == "ad_network"} == {
        "freshness": True,
        "completeness": False,
        "rejected_share": True,
        "loads_on_time": True,
    }


def test_without_a_schedule_runs_are_not_counted():
    unscheduled = Objectives(**{**PROMISED.__dict__, "schedule_minutes": 0})
    assert value(measure(DAY, facts([run(0)]), unscheduled, LONG_AFTER), "loads_on_time") is None


@pytest.mark.parametrize(("hours", "difference", "closed"), [(2.99, 0, 0), (3, 0, 1), (3.99, 1, 0), (4, 1, 1)])
def test_day_is_closed_when_it_has_settled_and_later_while_a_difference_may_be_a_run_under_way(
    hours, difference, closed
):
    now = START + (24 + hours) * HOUR
    found = measure(DAY, facts([], differences={(DAY, "ads_spend", "RUB"): float(difference)}), PROMISED, now)
    assert {level.is_final for level in found} == {bool(closed)}


def test_day_is_one_of_moscow():
    assert day_of(START - 1) == DAY - timedelta(days=1)
    assert day_of(START) == DAY
    # 21:00 UTC of the day before
    assert START % 86400 == 21 * HOUR
