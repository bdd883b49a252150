# ruff: noqa: E501
"""The three modules and the bootstrap script against a server over HTTP, as plays use them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.modules.clickhouse_server import PASSWORD, REPOSITORY, SCRATCH, Server
from tests.modules.run_module import run_module
from tests.schema.rendering import rendered, write_rendered

pytestmark = pytest.mark.patient


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server") / "root")
    yield server
    server.stop()


@pytest.fixture
def server(running: Server) -> Server:
    running.empty()
    return running


@pytest.fixture(scope="module")
def ddl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rendered(tmp_path_factory.mktemp("ddl") / "rendered")


def apply(server: Server, **parameters: Any) -> dict[str, Any]:
    return run_module(
        "clickhouse_schema",
        **{"port": server.port, "username": "admin", "password": PASSWORD, "scratch_command": SCRATCH, **parameters},
    )


def test_check_real_check_real(server: Server, ddl: Path) -> None:
    said = apply(server, directory=str(ddl), check=True, diff=True)
    assert said["changed"] and "TABLE zakaz.dim_events" in said["diff"]["after"] and not said["diff"]["before"]
    assert server.query("SELECT count() FROM system.databases WHERE name = 'zakaz'") == "0\n"

    done = apply(server, directory=str(ddl), diff=True)
    assert done["changed"] and done["summary"] == said["summary"] and done["diff"] == said["diff"]

    for check in (True, False):
        again = apply(server, directory=str(ddl), check=check, diff=True)
        assert (again["changed"], again["fast_path"], again["plan"]) == (False, True, [])
        assert "diff" not in again


@pytest.mark.slow
def test_documents_are_as_good_as_files(server: Server, ddl: Path) -> None:
    documents = [{"name": name, "content": text} for name, text in rendered().items()]
    assert apply(server, documents=documents)["changed"]
    assert not apply(server, directory=str(ddl))["changed"]


def test_an_edited_template_is_one_alter_and_one_view(server: Server, tmp_path: Path) -> None:
    ddl = write_rendered(tmp_path / "ddl")
    apply(server, directory=str(ddl))
    table = ddl / "302_zakaz.plan_sales.sql"
    table.write_text(
        table.read_text(encoding="utf-8").replace(
            "    `tickets_plan`", "    `note` String COMMENT 'заметка',\n    `tickets_plan`"
        ),
        encoding="utf-8",
    )
    done = apply(server, directory=str(ddl), diff=True)
    assert done["summary"] == ["alter zakaz.plan_sales [safe]: add column note String"]
    assert "`note` String COMMENT 'заметка'" in done["diff"]["after"]
    journal = server.query("SELECT object, operation, risk, status FROM meta.schema_journal WHERE operation = 'alter'")
    assert journal == "zakaz.plan_sales\talter\tsafe\tapplied\n"


@pytest.mark.slow
def test_what_could_lose_data_is_refused_with_the_words_that_allow_it(server: Server, tmp_path: Path) -> None:
    ddl = write_rendered(tmp_path / "ddl")
    apply(server, directory=str(ddl))
    server.query(
        "INSERT INTO zakaz.plan_sales (month, city, tickets_plan, revenue_plan, _ver) VALUES ('2026-01-01', 'томск', 5, 0.29, 1)"
    )
    table = ddl / "302_zakaz.plan_sales.sql"
    text = table.read_text(encoding="utf-8").replace("    `tickets_plan` UInt64 COMMENT 'план, билеты',\n", "")
    table.write_text(text, encoding="utf-8")
    view = ddl / "506_bi.v_plan_fact_monthly.sql"
    view.write_text(view.read_text(encoding="utf-8").replace("plan.tickets_plan", "0"), encoding="utf-8")
    refused = apply(server, directory=str(ddl))
    assert refused["failed"] and refused["msg"].startswith(
        "302_zakaz.plan_sales.sql:1: zakaz.plan_sales: refused as destructive"
    )
    assert "1 rows hold a value" in refused["msg"] and "clickhouse_schema_allow: [destructive]" in refused["msg"]
    assert "make schema ALLOW=destructive" in refused["msg"]
    assert server.query("SELECT tickets_plan FROM zakaz.plan_sales") == "5\n"
    assert apply(server, directory=str(ddl), allow=["destructive"])["changed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("500_bi.v_sales_daily.sql", "mart.revenue AS", "mart.income AS"), "500_bi.v_sales_daily.sql:4: bi.v_sales_daily: the engine refuses"),
        (("501_bi.v_ads_daily.sql", "zakaz.dm_ads_daily", "zakaz.dm_ads_dayly"), "dm_ads_dayly"),
        (("302_zakaz.plan_sales.sql", "`city` String", "`city` Strnig"), "302_zakaz.plan_sales.sql:"),
        (("302_zakaz.plan_sales.sql", "ORDER BY (month, city)", "ORDER BY (month, city"), "302_zakaz.plan_sales.sql:"),
        (("302_zakaz.plan_sales.sql", "zakaz.plan_sales", "{{ database }}.plan_sales"), "302_zakaz.plan_sales.sql:1: holds an unrendered"),
        (("302_zakaz.plan_sales.sql", "'план, билеты'", "'план, билеты"), "302_zakaz.plan_sales.sql:"),
        (("302_zakaz.plan_sales.sql", "CREATE TABLE IF NOT EXISTS zakaz.plan_sales", "DROP TABLE zakaz.plan_sales; --"), "is a statement the schema cannot hold"),
        (("302_zakaz.plan_sales.sql", "zakaz.plan_sales", "zakaz.dim_events"), "zakaz.dim_events: is declared a second time"),
    ],
)  # fmt: skip
def test_a_wrong_template_writes_nothing_and_names_its_place(
    server: Server, tmp_path: Path, change: tuple[str, str, str], words: str
) -> None:
    ddl = write_rendered(tmp_path / "ddl")
    name, old, new = change
    text = (ddl / name).read_text(encoding="utf-8")
    assert old in text
    (ddl / name).write_text(text.replace(old, new), encoding="utf-8")
    failed = apply(server, directory=str(ddl))
    assert failed["failed"] and words in failed["msg"] and "DB::Exception: DB::" not in failed["msg"]
    assert server.query("SELECT count() FROM system.databases WHERE name = 'zakaz'") == "0\n"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"port": 1}, "ClickHouse does not answer at http://127.0.0.1:1/"),
        ({"password": "not this one"}, "refuses the user admin: its name or password"),
        ({"scratch_command": ["no-such-docker"]}, "cannot be started: no-such-docker is not found. Mend clickhouse_schema_scratch_command"),
        ({"scratch_command": ["sh", "-c", "echo no such image >&2; exit 125"]}, "the throw-away engine failed: no such image"),
        ({"directory": "/nowhere"}, "the directory /nowhere does not exist"),
    ],
)  # fmt: skip
def test_a_wrong_setting_gets_a_sentence(server: Server, ddl: Path, parameters: dict[str, Any], words: str) -> None:
    failed = apply(server, **{"directory": str(ddl), **parameters})
    assert failed["failed"] and words in failed["msg"]
    assert PASSWORD not in str(failed)


def ask(server: Server, query: str, **parameters: Any) -> dict[str, Any]:
    return run_module(
        "clickhouse_query",
        **{"port": server.port, "username": "bi_reader", "password": PASSWORD, "query": query, **parameters},
    )


def test_a_query_answers_rows_exactly(server: Server) -> None:
    answer = ask(
        server,
        "SELECT {city:String} AS city, {days:Array(Date)} AS days, toDecimal64('0.29', 2) AS money, toUInt64(-1) AS big",
        parameters={"city": "o'орел\\", "days": ["2026-01-01", "2026-01-02"]},
    )
    assert not answer["changed"]
    assert answer["rows"] == [
        {"city": "o'орел\\", "days": ["2026-01-01", "2026-01-02"], "money": "0.29", "big": "18446744073709551615"}
    ]


@pytest.mark.parametrize(
    ("query", "parameters", "words"),
    [
        ("SELECT 1 AS x", {"expect": {"x": 2}}, "Expected x = 2, found 1."),
        ("SELECT 1 AS x", {"expect": {"y": 2}}, "Expected a column y, found x."),
        ("SELECT 1 AS x WHERE 0", {"min_rows": 1, "fail_msg": "Load first."}, "Load first. Expected at least 1 rows, found 0."),
        ("SELECT number AS n FROM numbers(3)", {"assertions": ["n < 2"]}, "Expected n < 2 for every row; it is not so for n=2."),
        ("SELECT NULL AS n", {"assertions": ["n = 1"]}, "Expected n = 1 for every row"),
        ("INSERT INTO x VALUES (1)", {}, "only reading statements"),
        ("SELECT 1; SELECT 2", {}, "one statement is expected"),
        ("SELECT nope", {}, "The query failed: Code: 47"),
        ("WITH 1 AS x SELECT * FROM zakaz.nowhere", {}, "The query failed"),
    ],
)  # fmt: skip
def test_a_query_that_disappoints_says_what_was_expected(
    server: Server, query: str, parameters: dict[str, Any], words: str
) -> None:
    failed = ask(server, query, **parameters)
    assert failed["failed"] and words in failed["msg"]


def test_a_query_that_holds_passes(server: Server) -> None:
    assert ask(server, "SELECT number AS n FROM numbers(3);", expect_rows=3, assertions=["n < 3"])["row_count"] == 3


def test_a_parameter_is_read_from_a_url(server: Server) -> None:
    """The server's own HTTP interface gives the text."""
    said = "it's \\\\ 5 ₽"
    url = f"http://127.0.0.1:{server.port}/?" + urlencode(
        {"user": "bi_reader", "password": PASSWORD, "query": "SELECT 'it\\'s \\\\\\\\ 5 ₽' FORMAT RawBLOB"}
    )
    assert ask(server, "SELECT {said:String} AS said", url_parameters={"said": url})["rows"] == [{"said": said}]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "file:///etc/hostname", "http://127.0.0.1:{port}/no/such/page"])
def test_a_url_that_does_not_answer_is_named(server: Server, url: str) -> None:
    failed = ask(server, "SELECT {said:String}", url_parameters={"said": url.format(port=server.port)})
    assert failed["failed"] and failed["msg"].startswith(url.format(port=server.port) + ", for the parameter said,")


def test_the_check_module_passes_and_finds(ddl: Path, tmp_path: Path) -> None:
    assert run_module("clickhouse_schema_check", directory=str(ddl))["msg"] == "Schema validation passed."
    wrong = tmp_path / "1.sql"
    wrong.write_text("ALTER TABLE IF EXISTS zakaz.t ADD COLUMN x Int8;\n", encoding="utf-8")
    failed = run_module("clickhouse_schema_check", files=[str(wrong)])
    assert failed["failed"] and "order-alter-if-exists" in [finding["rule"] for finding in failed["findings"]]
    assert failed["findings"][0]["line"] == 1


def bootstrap(server: Server, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = REPOSITORY / "scripts" / "bootstrap_clickhouse.sh"
    settings = {"CLICKHOUSE_PORT": str(server.port), "CLICKHOUSE_USER": "admin", "CLICKHOUSE_PASSWORD": PASSWORD}
    return subprocess.run(
        ["sh", str(script), *arguments], env={**os.environ, **settings, **environment}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_bootstrap_twice_leaves_nothing_to_plan(server: Server, ddl: Path) -> None:
    for _ in range(2):
        done = bootstrap(server)
        assert (done.returncode, done.stderr) == (0, "")
        assert "none failed" in done.stdout
    outcome = apply(server, directory=str(ddl), check=True)
    assert (outcome["changed"], outcome["summary"]) == (False, [])


@pytest.mark.slow
def test_bootstrap_fills_given_variables(server: Server) -> None:
    assert bootstrap(server, "--set", "clickhouse_schema_rejected_days=77").returncode == 0
    assert "toIntervalDay(77)" in server.query("SHOW CREATE TABLE meta.rejected_records FORMAT TSVRaw")


def test_bootstrap_fails_with_a_sentence_and_a_code(server: Server) -> None:
    down = bootstrap(server, CLICKHOUSE_PORT="1")
    assert down.returncode == 69 and "does not answer at http://127.0.0.1:1/" in down.stderr
    stranger = bootstrap(server, CLICKHOUSE_PASSWORD="not this one")
    assert stranger.returncode == 77 and "refuses the user admin" in stranger.stderr
    reader = bootstrap(server, CLICKHOUSE_USER="bi_reader")
    assert reader.returncode == 70 and "templates/ddl/000_zakaz.sql.j2" in reader.stderr
    assert bootstrap(server, "--nonsense").returncode == 64
    for done in (down, stranger, reader):
        assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize("module", ["clickhouse_schema", "clickhouse_schema_check", "clickhouse_query"])
def test_ansible_doc_reads_the_module(module: str) -> None:
    ansible_doc = Path(sys.executable).with_name("ansible-doc")
    done = subprocess.run(
        [str(ansible_doc), "-M", str(REPOSITORY / "library"), module],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for part in ("ATTRIBUTES", "check_mode", "OPTIONS", "EXAMPLES", "RETURN VALUES"):
        assert part in done.stdout
