"""Waiting for a report: it is asked for again, unchanged, until it is there, it fails, or there is no time left."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog
from zakaz_common.deadline import Deadline
from zakaz_common.http import PendingError

from yandex_direct.access.refusals import BuildFailed, NameTaken, QueueFull
from yandex_direct.reports.request import ReportRequest
from yandex_direct.reports.table import Table

log = structlog.get_logger()

#: Seconds between two questions: where Direct does not say, and within which it is believed.
DEFAULT_WAIT, LEAST_WAIT, MOST_WAIT = 10.0, 1.0, 60.0
#: Seconds that one report may take, and the part of the time left: half of its days may be ready sooner.
LONGEST_BUILD, _PART = 600.0, 0.25
#: Seconds to wait for a place in the queue, and how often it is looked at.
LONGEST_QUEUE, QUEUE_WAIT = 300.0, 20.0
#: Seconds before a report that failed is asked for again, and how often a single day is asked for, which has no halves.
RETRY_WAIT, _DAY_ATTEMPTS = 10.0, 3


class ReportLate(BuildFailed):
    """A report was not ready in time."""


def retry_in(headers: Mapping[str, str]) -> float:
    """Seconds until a report is asked for again: what ``retryIn`` says, where it says something sensible."""
    try:
        seconds = float(headers.get("retryIn", ""))
    except ValueError:
        return DEFAULT_WAIT
    if not math.isfinite(seconds) or seconds <= 0:
        return DEFAULT_WAIT
    return min(max(seconds, LEAST_WAIT), MOST_WAIT)


def wait_for(send: Callable[[ReportRequest], Table], request: ReportRequest, deadline: Deadline) -> Table:
    """The table of a report.

    Parameters:
        send: asks for the report once; raises PendingError while it is being built.
    Errors:
        BuildFailed when Direct cannot build it, ReportLate when not in time: half of its days may be easier. QueueFull
        and NameTaken when waiting or another name did not help; whatever else ``send`` raises.
    """
    began, queued, failures = deadline.now(), 0.0, 0
    longest = min(LONGEST_BUILD, deadline.remaining() * _PART)
    while True:
        try:
            return send(request)
        except PendingError as pending:
            pause, why = retry_in(pending.headers), "a report that is being built"
            if deadline.now() + pause - began > longest:
                raise ReportLate(f"{pending}, after {deadline.now() - began:.0f} s", too_much=True) from None
        except QueueFull as full:
            pause, why = QUEUE_WAIT, "a place in the queue of reports"
            queued += pause
            if queued > LONGEST_QUEUE:
                raise
            log.warning("report_queue_full", cause=str(full), wait_s=pause)
            began += pause
        except NameTaken as taken:
            if request.attempt:
                raise
            log.warning("report_name_taken", cause=str(taken))
            request = replace(request, attempt=request.attempt + 1)
            continue
        except BuildFailed as failure:
            failures += 1
            # What took too long will again; what failed may have failed by chance.
            attempts = _DAY_ATTEMPTS if request.first == request.last else 1 if failure.too_much else 2
            if failures >= attempts:
                raise
            pause, why = RETRY_WAIT * failures, "a report that failed"
            log.warning("report_retry", cause=str(failure), wait_s=pause)
        deadline.wait(pause, why)
