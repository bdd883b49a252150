"""Settings, client, transform and load in one file, with every mistake the contract must find."""

import json
import signal
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import structlog
from pydantic import Field, SecretStr
from zakaz_common.columns import Columns, by_column
from zakaz_common.deadline import Deadline
from zakaz_common.errors import ConfigError, LoaderError
from zakaz_common.http import ApiClient, RefusedError
from zakaz_common.moscow import now_moscow, parse_time
from zakaz_common.run import RunContext
from zakaz_common.run_journal import RejectedRecord
from zakaz_common.settings import CommonSettings
from zakaz_common.versions import next_version

import toy_loader

log = structlog.get_logger()
NAME = "toy_loader"
TABLE = "stg_qtickets_discounts"
COLUMNS = ("discount_id", "name", "is_active", "created_at", "_ver")


class ToySettings(CommonSettings):
    """Where the discounts are."""

    SOURCE: ClassVar[Path] = Path(__file__).resolve().parents[2] / "source.yml"

    toy_base_url: str
    toy_token: SecretStr
    toy_pages: int = Field(ge=1)


class Page(msgspec.Struct):
    """A page of discounts, each looked at by itself."""

    data: list[dict[str, Any]]
    paging: dict[str, int]


def run(context: RunContext) -> None:
    """Read every discount and make the table equal to them."""
    if toy_loader.WRONG == "swallows":
        try:
            _load(context)
        except LoaderError as error:
            log.warning("ignored", error=str(error))
    else:
        _load(context)


def backfill(context: RunContext, first: date, last: date) -> None:
    """The same: discounts have no days."""
    _load(context)


def dry_run(context: RunContext) -> None:
    """One discount that no network gave."""
    rows([{"id": 1, "name": "x", "created_at": "2026-01-01T00:00:00+03:00", "deleted_at": None}], context, 1)
    if toy_loader.WRONG == "dry_run_writes":
        context.settings.loader_state_dir.mkdir(parents=True, exist_ok=True)


def check_api(settings: ToySettings, deadline: Deadline) -> str:
    """One page."""
    client = _client(settings, deadline)
    try:
        found = _page(client, 1).paging["total"]
    finally:
        client.close()
    said = settings.toy_token.get_secret_value() if toy_loader.WRONG == "tells_secrets" else ""
    return f"{found} discounts {said}".strip()


def rows(records: list[dict[str, Any]], context: RunContext, version: int) -> Columns:
    """Columns of the records; those that cannot be read are rejected."""
    if toy_loader.WRONG != "uncounted":
        context.read("discounts", len(records))
    good = []
    for record in records:
        if not isinstance(record["name"], str) and toy_loader.WRONG != "guesses":
            reason = f"not a text: {record['name']}" if toy_loader.WRONG == "quotes" else "not a text"
            context.reject([RejectedRecord("discounts", str(record["id"]), "$.name", reason)])
            continue
        created = int(parse_time(record["created_at"]).timestamp())
        good.append((record["id"], str(record["name"]), int(record["deleted_at"] is None), created, version))
    return by_column(COLUMNS, good)


def _load(context: RunContext) -> None:
    if toy_loader.WRONG == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    client = _client(context.settings, context.deadline)
    context.count_requests_of(client.requests)
    started = now_moscow()
    try:
        records: list[dict[str, Any]] = []
        for number in range(1, context.settings.toy_pages + 1):
            page = _page(client, number)
            records += page.data
            if number * page.paging["perPage"] >= page.paging["total"]:
                break
        if toy_loader.WRONG == "talks":
            _talk(client)
    finally:
        client.close()
    if toy_loader.WRONG == "chatty":
        print("done")
    found = rows(records, context, next_version(context.warehouse, TABLE))
    context.check_rejected_ratio()
    if toy_loader.WRONG == "appends":
        context.warehouse.insert(TABLE, found)
        context.wrote(TABLE, len(found["_ver"]))
    elif toy_loader.WRONG != "marks_first" or _marked(context, records):
        context.wrote(TABLE, context.warehouse.upsert(TABLE, ("discount_id",), found))
    context.watermarks["discounts"] = started - timedelta(minutes=2)


def _marked(context: RunContext, records: list[dict[str, Any]]) -> bool:
    """Whether this is news: kept before it has landed, which is the mistake."""
    mark, content = context.settings.loader_state_dir / "seen", json.dumps(records)
    if mark.exists() and mark.read_text() == content:
        return False
    mark.write_text(content)
    time.sleep(1)
    return True


def _client(settings: ToySettings, deadline: Deadline) -> ApiClient:
    if toy_loader.WRONG == "waits_not_at_all":
        deadline = Deadline(10**6, sleep=lambda _: None)
    return ApiClient(
        settings.toy_base_url,
        deadline=deadline,
        requests_per_second=1000,
        headers={"Authorization": f"Bearer {settings.toy_token.get_secret_value()}"},
        max_attempts=1 if toy_loader.WRONG == "gives_up_at_once" else 6,
    )


def _page(client: ApiClient, number: int) -> Page:
    decode = msgspec.json.Decoder(Page).decode
    try:
        return client.fetch("GET", "discounts", json={"page": number}, decode=decode).value
    except RefusedError as error:
        if toy_loader.WRONG == "blames_nobody":
            raise ConfigError("the API refuses") from None
        raise ConfigError(f"{error}; check TOY_TOKEN") from None


def _talk(client: ApiClient) -> None:
    clients = client.fetch("GET", "clients", json={}, decode=json.loads).value["data"]
    log.info("clients", first=str(clients[0]))
