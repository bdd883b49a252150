"""Nothing of the sandbox's generated buyers is found in ClickHouse, logs, metrics, state or the image's files."""

import re
from pathlib import Path

import pytest

ALL = "inventory,discounts,promo_codes,color_themes,barcodes"
PACKAGE = Path(__file__).resolve().parents[1] / "src"


def everything_in_clickhouse(loader):
    """Every cell of every table, as text."""
    tables = loader.rows(
        "SELECT database, name FROM system.tables WHERE database IN ('zakaz', 'meta') AND engine LIKE '%MergeTree'"
    )
    assert len(tables) > 20
    return "\n".join(str(row) for database, name in tables for row in loader.rows(f"SELECT * FROM {database}.{name}"))


def found(secrets, text):
    # Numbers of an id may hold a run of digits by chance; a secret is looked for as a whole word.
    words = set(re.findall(r"[\w@.+*-]+", text))
    whole = {word.strip(".-") for word in words}
    return sorted(secret for secret in secrets if secret in whole or ("@" in secret and secret in text))


def test_no_personal_data_gets_downstream(loader, api, capsys, tmp_path):
    full = loader.having(
        qtickets_optional_datasets=ALL, loader_metrics_file=tmp_path / "m.prom", loader_max_rejected_ratio=1,
        loader_log_level="debug",
    )  # fmt: skip
    assert full.run() == 0
    api.mutate("refund_orders", count=5, at="-300")
    # faults make the loader talk: rejected records, retries, failures
    address = "buyer.1@example.com"
    odd = [("data.0.currency_id", address), ("data.*.price", address), ("data.*.discount_id", [address])]
    api.inject("edit", route="*/orders", nth=1, edits=[{"path": path, "value": value} for path, value in odd])
    api.inject("truncate", route="*/orders", nth=2)
    assert full.run() == 0
    assert full.one("SELECT count() FROM meta.rejected_records") > 0
    assert full.one("SELECT count() FROM meta.degraded_fields") > 0
    api.inject("status", route="*/orders", times=0, status=500, body={"error": "buyer.1@example.com", "code": "X"})
    assert full.run() == 69
    output = capsys.readouterr()
    state = b"".join(p.read_bytes() for p in loader.state_dir.rglob("*") if p.is_file()).decode()
    text = "\n".join(
        [everything_in_clickhouse(loader), output.out, output.err, (tmp_path / "m.prom").read_text(), state]
    )
    secrets = {secret for secret in api.season.personal_data() if len(secret) > 4} | {"buyer.1@example.com"}
    assert len(secrets) > 500
    assert found(secrets, text) == []
    assert "@" not in text.replace("@timestamp", "")
    assert full.configured().qtickets_token.get_secret_value() not in text


def test_the_search_would_find_one(api):
    secrets = set(api.season.personal_data())
    one = sorted(secrets)[0]
    assert found(secrets, f"x ({one}) y") == [one]


@pytest.mark.parametrize(
    "path", sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".json")), ids=lambda p: p.name
)
def test_the_images_files_hold_no_address_and_no_phone(path):
    text = path.read_text()
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w+", text)
    assert not re.search(r"\+7\d{10}", text)
