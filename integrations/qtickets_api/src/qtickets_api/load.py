"""A run: events, then orders of the window, then the marts."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

import structlog
from zakaz_common.city_directory import read_city_directory
from zakaz_common.columns import row_count
from zakaz_common.errors import DataError, DeadlineExceededError, TryLaterError, UnavailableError
from zakaz_common.landing import Landing
from zakaz_common.moscow import now_moscow
from zakaz_common.progress import progress_line
from zakaz_common.resume_point import ResumeFile, ResumePoint
from zakaz_common.run import RunContext
from zakaz_common.window import Window

from qtickets_api import LOADER, mart, windows
from qtickets_api.client import QticketsClient
from qtickets_api.optional.load import load_optional
from qtickets_api.paging.scan import Batch
from qtickets_api.paging.shown import Shown
from qtickets_api.records import Order
from qtickets_api.rows.events import EVENT_KEYS, SHOW_KEYS, event_family
from qtickets_api.rows.families import Families, Family
from qtickets_api.settings import QticketsSettings
from qtickets_api.sink import EVENTS, ORDERS, SHOWS, TICKETS, Sink, StagingSink
from qtickets_api.transform import ORDER_KEYS, TICKET_KEYS, order_family

log = structlog.get_logger()

WATERMARK = "orders"
DEEP_WATERMARK = "orders_deep"
EVERYTHING = "everything"
_LANDING_SECONDS = 60  # what is held may land when the deadline has come
_FEW = 20  # a handful of vanished orders is never a sign of a wrong token


def run(context: RunContext) -> None:
    """Load what changed. The first run, and one a week, reads everything."""
    client = _client(context)
    try:
        sink = StagingSink(context)
        # A run that goes on with a long first read takes up where it stopped; the events, which that read began
        # with, are read again when it is over and not by each of its runs: they are megabytes.
        watermark = context.warehouse.watermark(LOADER, WATERMARK)
        goes_on = watermark is None and _resume_file(context).load(EVERYTHING) is not None
        if not goes_on:
            load_events(context, client, sink)
        end = windows.settled(client.server_time or now_moscow(), now_moscow())
        settings: QticketsSettings = context.settings
        last_deep = context.warehouse.watermark(LOADER, DEEP_WATERMARK)
        if watermark is None:
            started = read_everything(context, client, sink, end)
            context.watermarks |= {WATERMARK: started, DEEP_WATERMARK: started}
            if goes_on:
                load_events(context, client, sink)
        else:
            lookback = timedelta(hours=settings.qtickets_lookback_hours)
            window = windows.incremental(watermark, lookback, end)
            context.window_from, context.window_to = window.start, window.end
            read_orders(context, client, sink, window)
            context.watermarks[WATERMARK] = max(watermark, end)
            if windows.deep_read_due(last_deep, end, settings.qtickets_deep_reread_days):
                _deep(context, client, sink, end)
        mart.refresh_sales_and_events(context)
        load_optional(context, client)
        context.wrote("fact_qtickets_inventory_latest", mart.refresh_inventory(context.warehouse))
    finally:
        client.close()


def backfill(context: RunContext, first: date, last: date) -> None:
    """Load the orders created on these Moscow days again.

    An interrupted backfill goes on where it stopped.
    """
    client = _client(context)
    try:
        sink = StagingSink(context)
        load_events(context, client, sink)
        window = windows.created_between(first, last)
        context.window_from, context.window_to = window.start, window.end
        resume = _resume_file(context)
        scan = f"backfill:{first}:{last}"
        point = resume.load(scan) or ResumePoint(scan, 0, window.end.isoformat(), [])
        _read_from(context, client, sink, window, resume, point)
        mart.refresh_sales_and_events(context)
        resume.clear()
    finally:
        client.close()


def reread(context: RunContext, order_ids: Sequence[int]) -> None:
    """Read these orders again, whatever the watermark says: a webhook named them. Unknown ones are left alone."""
    client = _client(context)
    try:
        sink, found = StagingSink(context), 0
        scan = sink.begin_orders(now_moscow())
        for order_id in order_ids:
            page = client.order(order_id)
            if page is None or order_id not in page.ids:
                continue
            found += 1
            context.rows_read += 1
            context.degrade(page.degraded)
            family = order_family(page.records, scan, page.rejected)
            # One broken order of a hint is no share of anything; it must not keep the others from the marts.
            context.reject(family.rejected, judged=False)
            family.rejected = []
            sink.orders(family)
        if missing := len(order_ids) - found:
            log.warning("orders_unknown", count=missing, then="the weekly re-read settles them")
        mart.refresh_sales_and_events(context)
    finally:
        client.close()


def load_events(context: RunContext, client: QticketsClient, sink: Sink) -> None:
    """Read all events; those that are gone from a complete read are tombstoned."""
    cities = read_city_directory(context.warehouse)
    scan = client.events()
    number = sink.begin_events(client.server_time or now_moscow())
    for batch in scan:
        family = event_family(batch.records, cities, number)
        context.read("events", len(batch.records) + len(batch.rejected))
        context.read("shows", row_count(family.children) + len(batch.rejected_parts))
        context.reject([*batch.rejected, *batch.rejected_parts])
        context.degrade(batch.degraded)
        sink.events(family)
    seen = set(scan.seen)
    for table, keys in ((SHOWS, SHOW_KEYS), (EVENTS, EVENT_KEYS)):
        gone = context.warehouse.tombstone(table, keys, scope="1", keep=seen)
        context.wrote(table, gone)


def read_everything(context: RunContext, client: QticketsClient, sink: Sink, end: datetime) -> datetime:
    """Read all orders, from where an interrupted read stopped.

    Returns when that read began, as the API's clock.
    """
    resume = _resume_file(context)
    point = resume.load(EVERYTHING) or ResumePoint(EVERYTHING, 0, end.isoformat(), [])
    context.window_to = end
    _read_from(context, client, sink, windows.everything(end), resume, point)
    resume.clear()
    return datetime.fromisoformat(point.window_to)


def _read_from(
    context: RunContext, client: QticketsClient, sink: Sink, window: Window, resume: ResumeFile, point: ResumePoint
) -> None:
    """Read a window from a resume point on, and keep how far it came as it lands."""
    if point.after_id:
        log.info("resumed", scan=point.scan, after_id=point.after_id, orders=point.shown)
    earlier = None if point.seen is None else Shown(array("Q", point.seen), point.shown)

    def landed(last_id: int) -> None:
        seen, shown = (None, 0) if earlier is None else (earlier.ids.tolist(), earlier.records)
        resume.save(ResumePoint(point.scan, last_id, point.window_to, seen, shown))

    try:
        read_orders(
            context, client, sink, window, after_id=point.after_id, landed=landed, tombstones=True, earlier=earlier
        )  # fmt: skip
    except DataError:
        # What an earlier run was shown is no longer what the source counts: the next run reads from the start.
        resume.clear()
        raise


def read_orders(
    context: RunContext,
    client: QticketsClient,
    sink: Sink,
    window: Window,
    *,
    after_id: int = 0,
    landed: Callable[[int], None] = lambda _: None,
    tombstones: bool = False,
    earlier: Shown | None = None,
) -> None:
    """Read the orders of a window into staging, in batches.

    Parameters: `landed` is told the id up to which everything is in staging; `tombstones` marks orders of the
    window that the API no longer has, once the read is complete. `earlier` is what interrupted runs of the same
    read were shown up to `after_id`; what lands joins it before `landed` is told. None: not known, and only orders
    after `after_id` can be said to be gone.

    When the run's time is over, what is held lands all the same: no page is read twice in vain.
    """
    limit = context.settings.loader_batch_rows
    held = Families(order_family((), 0))
    number = sink.begin_orders(client.server_time or now_moscow())
    before = earlier.records if earlier else 0
    done, last_id, total = before, after_id, before
    scan = client.orders(window, after_id, before)

    fresh = Shown()

    def land(family: Family, up_to: int | None, shown: Shown) -> None:
        sink.orders(family)
        if up_to is not None:
            if earlier is not None:
                earlier.join(shown)
            landed(up_to)

    with progress_line("orders") as progress, Landing() as landing:

        def land_held() -> None:
            nonlocal fresh
            shown, fresh = fresh, Shown()
            landing.put(land, held.taken(), None if scan.by_number else last_id, shown)

        def pages() -> Iterator[Batch[Order]]:
            try:
                yield from scan
            except (TryLaterError, UnavailableError):  # between two pages: what is held is whole
                context.deadline.grace(_LANDING_SECONDS)
                log.info("interrupted", what="orders", done=done, total=total, then="the next run goes on")
                context.extra["interrupted"] = {"orders_read": done, "orders_total": total}
                land_held()
                raise

        for batch in pages():
            context.read("orders", len(batch.records) + len(batch.rejected))
            context.degrade(batch.degraded)
            family = order_family(batch.records, number, batch.rejected)
            if held.has_any_of(family) or held.rows >= limit:
                land_held()
            held.add(family)
            fresh.add(batch.ids, batch.unnamed, last_id)
            done += len(batch.records)
            total = batch.total + (0 if scan.by_number else before)
            progress.update(done, total)
            last_id = max(last_id, batch.last_id)
        landing.put(land, held.taken(), None, fresh)
    if tombstones:
        known = {*(earlier.ids if earlier else ()), *scan.seen}
        bury_vanished(context, window, known, after_id if earlier is None else 0)


def bury_vanished(context: RunContext, window: Window, seen: set[int], after_id: int) -> None:
    """Tombstone orders (and tickets) of a completely read window that the API no longer has.

    Raises DataError when implausibly many are gone: a token of another account would empty the warehouse.
    """
    warehouse = context.warehouse
    scope = "order_id > {after:UInt64}"
    bound: dict[str, object] = {"after": after_id}
    if window.kind == windows.CREATED and window.start is not None:
        scope += " AND created_at >= toDateTime({start:Int64}) AND created_at < toDateTime({end:Int64})"
        bound |= {"start": int(window.start.timestamp()), "end": int(window.end.timestamp())}
    kept = [
        int(row[0])
        for row in warehouse.query(
            f"SELECT order_id FROM {warehouse.name(ORDERS)} FINAL WHERE {scope}",  # noqa: S608 - parameters are bound
            bound,
        )
    ]
    gone = [order_id for order_id in kept if order_id not in seen]
    allowed = context.settings.qtickets_max_vanished_ratio
    if len(gone) > _FEW and len(gone) > allowed * len(kept):
        raise DataError(
            f"the API no longer has {len(gone)} of {len(kept)} orders; that looks like another account's "
            "token: check QTICKETS_TOKEN, or allow it for one run with a higher QTICKETS_MAX_VANISHED_RATIO"
        )
    for start in range(0, len(gone), 10_000):
        chunk = ",".join(map(str, gone[start : start + 10_000]))
        for table, keys in ((TICKETS, TICKET_KEYS), (ORDERS, ORDER_KEYS)):
            context.wrote(table, warehouse.tombstone(table, keys, scope=f"order_id IN ({chunk})", keep=()))
    if gone:
        log.warning("orders_vanished", count=len(gone))


def _deep(context: RunContext, client: QticketsClient, sink: Sink, end: datetime) -> None:
    """The weekly re-read.

    When the deadline cuts it, what changed is loaded all the same, and it goes on next time.
    """
    log.info("deep_read", reason="weekly")
    try:
        context.watermarks[DEEP_WATERMARK] = read_everything(context, client, sink, end)
    except DeadlineExceededError as error:
        log.warning("deep_read_interrupted", cause=str(error))
        context.deadline.grace(60)


def _client(context: RunContext) -> QticketsClient:
    client = QticketsClient(context.settings, context.deadline)
    context.count_requests_of(client.api.requests)
    return client


def _resume_file(context: RunContext) -> ResumeFile:
    return ResumeFile(context.settings.loader_state_dir / f"{LOADER}.resume.json")
