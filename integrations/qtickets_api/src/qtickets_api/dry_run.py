"""The dry run.

Bundled pages, generated and recorded ones, through the same decoding and transformation. No network, no writes.
"""

from importlib.resources import files

from zakaz_common.city import CityDirectory
from zakaz_common.run import RunContext

from qtickets_api.paging.pages import decode_events, decode_orders
from qtickets_api.rows.events import event_family
from qtickets_api.sink import DryRunSink
from qtickets_api.transform import order_family


def dry_run(context: RunContext) -> None:
    """Process the fixtures of the package and say what would have been written."""
    sink = DryRunSink(context)
    fixtures = files("qtickets_api") / "fixtures"
    events = decode_events((fixtures / "events.json").read_bytes())
    context.read("events", len(events.records) + len(events.rejected))
    context.reject([*events.rejected, *events.rejected_parts])
    context.degrade(events.degraded)
    number = sink.begin_events(context.started_at)
    sink.events(event_family(events.records, CityDirectory({}), number))
    for page_file in sorted(f.name for f in fixtures.iterdir() if f.name.startswith("orders")):
        page = decode_orders((fixtures / page_file).read_bytes())
        context.read("orders", len(page.records) + len(page.rejected))
        context.degrade(page.degraded)
        sink.orders(order_family(page.records, number, page.rejected))
    context.extra["stub_mode"] = True
    context.extra["would_write"] = sink.would_write
