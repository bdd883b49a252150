"""The dry run as a process, and the template of the variables."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
REPOSITORY = HERE.parents[3]
TEMPLATE = REPOSITORY / "test_env/.env.template"
CAPTURES = HERE.parent / "captures"
MONEY = ("price", "original_price", "discount_value", "ticket_amount", "refunded_at", "refunded_amount", "deleted_at")
FIXTURES = HERE.parents[1] / "src/qtickets_api/fixtures"
# no setting of the developer's; what `make coverage` sets reaches the process
PASSED_ON = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COVERAGE_")}


def command(*arguments, **environment):
    source = os.pathsep.join(
        str(REPOSITORY / p) for p in ("integrations/qtickets_api/src", "packages/zakaz_common/src")
    )
    return subprocess.run(
        [sys.executable, "-m", "qtickets_api", *arguments],
        env={**PASSED_ON, "PYTHONPATH": source, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def template():
    lines = TEMPLATE.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"QTICKETS_OPTIONAL_DATASETS": "inventory,seats"}, "unknown dataset seats; known are barcodes, "),
        ({"QTICKETS_BASE_URL": "qtickets.ru"}, "QTICKETS_BASE_URL is wrong.*must begin with http"),
    ],
)
def test_wrong_variables_end_in_one_sentence_and_78(environment, sentence):
    base = {} if not environment else {k: v for k, v in template().items() if not k.startswith("VK_ADS_")}
    done = command("run", **{**base, **environment})
    assert done.returncode == 78
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["event"] == "run_failed"
    assert re.search(sentence, last["error"])
    assert "Traceback" not in done.stdout + done.stderr


def bundled(prefix):
    return [row for path in FIXTURES.glob(f"{prefix}*.json") for row in json.loads(path.read_text())["data"]]


def test_the_bundled_fixtures_hold_nobodys_data():
    text = "".join(path.read_text() for path in FIXTURES.iterdir())
    assert not re.search(r"[\w.]+@[\w.]+", text)
    assert not re.search(r"\+7\d{6}", text)
    assert not re.search(r'"barcode":"[^"]', text)
    for key in ("client_email", "client_phone", "client_name", "client_surname", "cancel_url", "payment_url"):
        assert set(re.findall(rf'"{key}":("[^"]*"|null)', text)) == {'""'}


def test_recorded_answers_are_among_the_bundled_fixtures():
    """What the service really sends is shown too: two orders (one of them unpaid) and an exhibition."""
    recorded = {row["id"]: row for row in json.loads((CAPTURES / "qtickets_orders.json").read_text())["data"]}
    shown = [row for row in bundled("orders") if row["id"] in recorded]
    assert {row["payed"] for row in shown} == {True, False}
    for row in shown:
        as_recorded = recorded[row["id"]]
        assert row.keys() == as_recorded.keys()
        for name in ("price", "original_price", "utm", "payed_at", "reserve_extended", "discount_id", "deleted_at"):
            assert row[name] == as_recorded[name]
        for basket, whole in zip(row["baskets"], as_recorded["baskets"], strict=True):
            assert basket.keys() == whole.keys()
            assert [basket[name] for name in MONEY] == [whole[name] for name in MONEY]
    recorded = json.loads((CAPTURES / "qtickets_events.json").read_text())["data"]
    (event,) = [row for row in bundled("events") if row in recorded]
    (show,) = event["shows"]
    assert isinstance(show["min_price"], dict) and show["start_date"][:7] < show["finish_date"][:7]


def test_a_dry_run_loads_every_bundled_record():
    done = command("run", "--dry-run")
    would_write = json.loads(done.stdout.splitlines()[-1])["would_write"]
    orders, events = bundled("orders"), bundled("events")
    assert would_write == {
        "stg_qtickets_orders": len({row["id"] for row in orders}),
        "stg_qtickets_tickets": len({basket["id"] for row in orders for basket in row["baskets"]}),
        "stg_qtickets_events": len(events),
        "stg_qtickets_shows": sum(len(row["shows"]) for row in events),
    }
