"""Every rule finds the defect planted for it, and the clean schema has no finding."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
from zakaz_schema.check import check_texts
from zakaz_schema.failures import SchemaFailure
from zakaz_schema.findings import RULES
from zakaz_schema.templates import rendered_schema

from tests.schema.defects import CLEAN, COLUMNS, DATABASES, DEFECTS, Defect, T, table, view
from tests.schema.engines import REPOSITORY
from tests.schema.rendering import TEMPLATES, defaults, rendered, write_rendered

SCRIPT = REPOSITORY / "scripts" / "validate_clickhouse_schema.py"


def findings(text: str | bytes) -> list:
    return check_texts({"planted.sql": text if isinstance(text, bytes) else text.encode()})


def test_the_schema_and_the_ground_of_the_defects_are_clean() -> None:
    assert check_texts({name: text.encode() for name, text in rendered().items()}) == []
    assert findings(CLEAN) == []


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d.rule}{'-' if d.note else ''}{d.note}".replace(" ", "-"))
def test_a_planted_defect_is_found_where_it_is(defect: Defect) -> None:
    found = [item for item in findings(defect.text) if item.rule == defect.rule]
    assert found, findings(defect.text)
    assert not defect.line or defect.line in [item.line for item in found], found
    assert all(item.message.endswith((".", ")")) or len(item.message) > 20 for item in found)


def test_every_rule_has_a_defect_of_its_own() -> None:
    assert {defect.rule for defect in DEFECTS} == set(RULES)
    assert len(RULES) >= 30


def test_a_waiver_with_a_reason_covers_its_own_statement_only() -> None:
    wrong = table(COLUMNS.replace("price Decimal(18, 2)", "price Float64"))
    waived = "-- schema-check: allow layer-money because the source holds floats\n"
    assert findings(DATABASES + waived + wrong) == []
    other = wrong.replace("zakaz.t", "zakaz.u")
    left = findings(DATABASES + waived + wrong + other)
    assert [(item.rule, item.name) for item in left] == [("layer-money", "zakaz.u")]


@pytest.mark.parametrize(
    "select",
    [
        "SELECT t.d AS d, sum(t.price) AS revenue FROM zakaz.t AS t FINAL GROUP BY d",
        "SELECT k, argMax(price, _ver) AS last_price FROM zakaz.t GROUP BY k",
        "SELECT d, price FROM zakaz.t ORDER BY _ver DESC LIMIT 1 BY d, k",
        "SELECT if(t.k = 0, NULL, t.price / t.k) AS x, t.k / nullIf(t.k, 0) AS y, t.k / 7 AS z FROM zakaz.t AS t FINAL",
        "SELECT toDecimal64(t.k, 2) / 100 AS price FROM zakaz.t AS t FINAL",
        "WITH x AS (SELECT d FROM zakaz.t FINAL) SELECT d FROM x",
        "SELECT arrayMap(p -> p + 1, [t.k]) AS a FROM zakaz.t AS t FINAL",
    ],
)
def test_what_is_right_is_not_found(select: str) -> None:
    assert findings(T + view(select)) == []


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_passes_the_repositorys_own_schema() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (0, "Schema validation passed.\n")


def test_the_command_reports_in_every_format(tmp_path: Path) -> None:
    directory = write_rendered(tmp_path / "schema")
    path = next(directory.glob("500_*"))
    path.write_text(path.read_text(encoding="utf-8").replace("AS mart FINAL", "AS mart"), encoding="utf-8")

    text = run(directory)
    assert text.returncode == 1
    assert "500_bi.v_sales_daily.sql:34: bi.v_sales_daily: zakaz.dm_sales_daily keeps old versions" in text.stdout
    assert text.stdout.endswith("Schema validation failed: 1 finding.\n")

    (finding,) = json.loads(run("--format", "json", directory).stdout)["findings"]
    assert (finding["rule"], finding["line"], finding["object"]) == ("view-final", 34, "bi.v_sales_daily")

    sarif = json.loads(run("--format", "sarif", directory).stdout)
    (result,) = sarif["runs"][0]["results"]
    assert sarif["version"] == "2.1.0" and result["ruleId"] == "view-final"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 34
    assert result["ruleId"] in {rule["id"] for rule in sarif["runs"][0]["tool"]["driver"]["rules"]}

    github = run("--format", "github", directory).stdout
    assert github.startswith("::error file=") and ",line=34,title=view-final::bi.v_sales_daily: " in github

    report = tmp_path / "report.sarif"
    assert run("--format", "sarif", "--output", report, directory).returncode == 1
    assert json.loads(report.read_text(encoding="utf-8")) == sarif


def test_the_command_says_what_it_cannot_check(tmp_path: Path) -> None:
    assert "does not exist" in run(tmp_path / "nowhere").stderr
    (tmp_path / "1.sql.j2").write_text("CREATE DATABASE {{ clickhouse_schema_nmae }};\n", encoding="utf-8")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "1.sql.j2:1: the variable clickhouse_schema_nmae is not defined" in done.stderr


def test_a_folder_without_templates_is_no_schema(tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text("CREATE DATABASE x;\n", encoding="utf-8")
    with pytest.raises(SchemaFailure, match=r"holds no \*\.sql\.j2 file"):
        rendered_schema(tmp_path, {})


def test_plain_rendering_is_what_jinja_renders() -> None:
    # keep_trailing_newline as Ansible's template module does
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    for name, text in rendered().items():
        template = (TEMPLATES / f"{name}.j2").read_text(encoding="utf-8")
        assert environment.from_string(template).render(defaults()) == text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-e", "zone"], "-e zone: write NAME=VALUE."),
        (["{folder}"], "holds no *.sql or *.sql.j2 file."),
        (["{folder}/none.sql"], "none.sql does not exist."),
    ],
)
def test_what_cannot_be_checked_ends_with_2_and_a_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = run(*(word.format(folder=tmp_path) for word in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("The schema could not be checked: ") and says in done.stderr


def test_rules_are_listed_with_what_they_mean() -> None:
    done = run("--rules")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(RULES)


def test_a_variable_reaches_the_templates_and_a_report_its_file(tmp_path: Path) -> None:
    (tmp_path / "x.sql.j2").write_text(
        "CREATE TABLE IF NOT EXISTS {{ planted }}.t (k UInt8) ENGINE = MergeTree ORDER BY k;\n"
    )
    done = run(tmp_path, "-e", "planted=nowhere", "--output", tmp_path / "report.txt")
    assert done.returncode == 1
    assert "nowhere" in (tmp_path / "report.txt").read_text()
    assert "nowhere" not in done.stdout
