"""The import verbs as an operator types them."""

import json

import pytest
from qtickets_api.brought import verbs
from qtickets_api.cli import app
from typer.testing import CliRunner

SALES = "Дата;ID мероприятия;Продано;Выручка\n05.11.2026;7;3;1 500,50\n06.11.2026;8;1;20\nИтого;;4;1 520,50\n"


@pytest.fixture
def run(monkeypatch):
    """The command line, in a process that knows no ClickHouse."""
    for name in ("CLICKHOUSE_HOST", "CLICKHOUSE_USER", "CLICKHOUSE_PASSWORD", "QTICKETS_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return invoke


def test_explain_says_what_every_column_is_read_as_and_needs_no_clickhouse(run, tmp_path):
    (tmp_path / "sales.csv").write_bytes(SALES.encode("cp1251"))
    done = run("import-sheets", "--dir", tmp_path, "--explain")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "sales.csv: CP1251, delimiter semicolon, headings in row 1, 2 rows of data",
        '  d: heading "Дата", day, day.month.year, 2 cells, first 2026-11-05, last 2026-11-06',
        '  event_id: heading "ID мероприятия", id, plain digits, 2 cells, first 7, last 8',
        '  currency: no such heading; "RUB" everywhere',
        '  tickets_sold: heading "Продано", whole number, plain digits, 2 cells, first 3, last 1',
        '  revenue: heading "Выручка", amount, decimal comma, thousands space, 2 cells, first 1500.50, last 20.00',
        "  refunded_amount: no such heading; 0 everywhere",
        "  left out, a total: 1 row (4)",
        "Nothing was written; without --explain this is what is loaded.",
    ]


def test_explain_ends_as_the_import_would_and_names_both_readings(run, tmp_path):
    path = tmp_path / "plan.csv"
    path.write_text('month,city,tickets,revenue\n2026-11,Орёл,1,"1,500"\n', encoding="utf-8")
    done = run("import-plan", "--file", path, "--explain")
    assert done.exit_code == 65
    assert "WRONG plan.csv, row 2, column revenue: 1,500 is 1.50 or 1500" in done.output
    assert json.loads(done.output.splitlines()[-1])["exit_code"] == 65
    said = run("import-plan", "--file", path, "--explain", "--decimal", "point")
    assert said.exit_code == 0
    assert "last 1500.00" in said.output
    assert "last 1.50" in run("import-plan", "--file", path, "--explain", "--decimal", "comma").output
    assert run("import-plan", "--file", path, "--decimal", "semicolon").exit_code == 2


def test_explain_refuses_what_the_import_would_and_says_what_only_that_can_find(run, tmp_path):
    path = tmp_path / "plan.csv"
    path.write_text("month,city,tickets,revenue\n2026-11,Орёл,1,-5\n", encoding="utf-8")
    done = run("import-plan", "--file", path, "--explain")
    assert done.exit_code == 65
    assert "WRONG plan.csv, row 2, column revenue: an amount of 0 or more was expected" in done.output
    path.write_text("month,city,tickets,revenue\n2026-11,СПб,1,5\n2026-11,Питер,1,5\n", encoding="utf-8")
    done = run("import-plan", "--file", path, "--explain")
    assert done.exit_code == 0
    assert "is loaded, unless the aliases in the warehouse make two of its cities one" in done.output


def test_explain_of_aliases(run, tmp_path):
    path = tmp_path / "aliases.csv"
    path.write_text("alias,city\nкитеж,Китежград\n", encoding="utf-8")
    done = run("import-city-aliases", "--file", path, "--explain")
    assert done.exit_code == 0
    assert '  alias: heading "alias", text, 1 cell, first "китеж", last "китеж"' in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("import-sheets", "--dir", "/nowhere"), "/nowhere is no directory, or is not mounted into the container"),
        (("import-plan", "--file", "/nowhere/p.csv"), "/nowhere/p.csv does not exist, or is not mounted"),
        (("import-plan", "--file", "/"), "/ cannot be read (Is a directory)"),
        (("import-city-aliases", "--file", "/proc/1/mem"), "/proc/1/mem cannot be read"),
    ],
)
def test_a_path_that_leads_nowhere_has_a_sentence(run, words, message):
    done = run(*words, "--explain")
    assert done.exit_code == 65
    assert message in json.loads(done.output.splitlines()[-1])["error"]


@pytest.mark.parametrize("verb", ["import-sheets", "import-plan", "import-city-aliases"])
def test_without_explain_a_verb_loads_in_the_mode_of_imports(run, verb, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(verbs, "settings_or_exit", lambda spec, mode: spec)
    monkeypatch.setattr(verbs, "run_loader", lambda *_, **options: seen.update(options) or 0)
    path = tmp_path / "a.csv"
    path.touch()
    assert run(verb, "--dir" if verb == "import-sheets" else "--file", path).exit_code == 0
    assert (seen["mode"], seen["metrics"]) == ("import", False)
