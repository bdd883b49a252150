"""Every formula and statement of the documents that divides, run on every engine as the reader would run it.

DataLens compiles a formula to ClickHouse's own functions (datalens-backend, dl_connector_clickhouse/formula).
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import NamedTuple

import pytest
from zakaz_schema.converge import Options, converge
from zakaz_schema.statements import Statement

from tests.documents.markdown import documents, parsed
from tests.schema.engines import REPOSITORY, Engine

pytestmark = pytest.mark.patient

DATALENS = {"IF": "if", "SUM": "sum", "FLOAT": "toFloat64", "NULL": "NULL"}
PAGE = "docs/bi-datalens.md"


class Piece(NamedTuple):
    """A formula or a statement, and where it stands."""

    page: str
    name: str
    text: str


def pieces() -> list[Piece]:
    """What divides in the fenced blocks of all documents."""
    found = []
    for path in documents():
        page = str(path.relative_to(REPOSITORY))
        for token in parsed(path):
            if token.type != "fence":
                continue
            name = ""
            for line in token.content.splitlines() if "[" in token.content and "SELECT" not in token.content else ():
                name = line.removeprefix("-- ") if line.startswith("-- ") else name
                if re.search(r"\bSUM\(.*/", line):
                    found.append(Piece(page, name, line))
            for shell in re.findall(r'SELECT\b[^";]*', token.content):
                statement = re.split(r"'\s*\|", shell)[0]  # a statement that goes through a pipe
                if re.search(r"[\w)] ?/ ?[\w(]", re.sub(r"\S*\w/\w\S*", "", statement)):
                    found.append(Piece(page, "statement", statement))
    return found


FORMULAS = [piece for piece in pieces() if piece.name != "statement"]
STATEMENTS = [piece for piece in pieces() if piece.name == "statement"]
NUMBERS = 1_000_000
# column → (type in the views, value of row n in kopecks or pieces)
COLUMNS = {
    "revenue": ("Decimal(38, 2)", lambda n: n * 7919 % 1_000_003),
    "spend": ("Decimal(38, 2)", lambda n: n * 104_729 % 30_011),
    "revenue_plan": ("Decimal(38, 2)", lambda n: n * 7919 % 900_007),
    "clicks": ("UInt64", lambda n: n * 31 % 97),
    "impressions": ("UInt64", lambda n: n * 31 % 9973),
    "tickets_sold": ("Int64", lambda n: n * 17 % 7),
}
SQL = {
    "revenue": "number * 7919 % 1000003",
    "spend": "number * 104729 % 30011",
    "revenue_plan": "number * 7919 % 900007",
    "clicks": "number * 31 % 97",
    "impressions": "number * 31 % 9973",
    "tickets_sold": "number * 17 % 7",
}


def dataset(rows: int, zero: str = "") -> str:
    columns = []
    for name, (type_, _) in COLUMNS.items():
        value = "0" if name == zero else SQL[name]
        exact = f"toDecimal128({value}, 2) / 100" if type_.startswith("Decimal") else value
        columns.append(f"CAST({exact} AS {type_}) AS {name}")
    return f"(SELECT {', '.join(columns)} FROM numbers({rows}))"


def compiled(formula: str) -> str:
    """The formula as DataLens sends it; a function that is not in the table fails."""
    sql = re.sub(r"\b([A-Z]+)\b", lambda word: DATALENS[word[1]], formula)
    return re.sub(r"\[(\w+)\]", r"\1", sql)


@cache
def total(column: str) -> int:
    """Kopecks or pieces of all rows."""
    return sum(map(COLUMNS[column][1], range(NUMBERS)))


def expected(formula: str, zero: str = "") -> Decimal | None:
    """The formula over exact sums, in Python."""
    sums = {
        name: Decimal(0 if name == zero else total(name)) / (100 if "Decimal" in type_ else 1)
        for name, (type_, _) in COLUMNS.items()
    }
    condition, above, below = re.fullmatch(
        r"IF\(SUM\(\[(\w+)\]\) = 0, NULL, FLOAT\((.+)\) / FLOAT\(SUM\(\[(\w+)\]\)\)\)", formula
    ).groups()
    assert condition == below
    terms = [sums[name] for name in re.findall(r"SUM\(\[(\w+)\]\)", above)]
    divided = terms[0] - sum(terms[1:], Decimal(0))
    return divided / sums[below] if sums[below] else None


def test_the_page_has_its_formulas_and_the_readmes_their_statements() -> None:
    names = {piece.name.split(",")[0].split(" (")[0] for piece in FORMULAS}
    assert names >= {"ROAS", "ROMI", "CPC", "CPT"}
    assert {piece.page for piece in FORMULAS} == {PAGE}
    assert {piece.page for piece in STATEMENTS} >= {"README.md", "README.ru.md"}


@pytest.mark.parametrize("piece", FORMULAS, ids=lambda piece: piece.name)
def test_a_formula_is_right_for_zeros_no_rows_and_long_sums(engine: Engine, piece: Piece) -> None:
    sql = compiled(piece.text)
    for zero in ("", *re.findall(r"\[(\w+)\]", piece.text)):
        found = engine.value(f"SELECT {sql} AS figure FROM {dataset(NUMBERS, zero)}")
        exact = expected(piece.text, zero)
        if exact is None:
            assert found is None, zero
        else:
            assert float(found) == pytest.approx(float(exact), rel=1e-12), zero
    assert engine.value(f"SELECT {sql} AS figure FROM {dataset(0)}") is None
    # one group without a divisor does not end the others
    groups = f"SELECT k, {sql} AS figure FROM (SELECT 1 AS k, * FROM {dataset(5)} UNION ALL SELECT 2 AS k, * FROM "
    divisor = re.findall(r"\[(\w+)\]", piece.text)[-1]
    rows = engine.rows(f"{groups}{dataset(5, divisor)}) GROUP BY k ORDER BY k")
    assert [row["figure"] is None for row in rows] == [False, True]


def test_a_quotient_is_rounded_where_decimals_were_cut(engine: Engine) -> None:
    [roas] = [piece.text for piece in FORMULAS if piece.name == "ROAS"]
    table = "(SELECT CAST('370.90' AS Decimal(38, 2)) AS revenue, CAST('100' AS Decimal(38, 2)) AS spend)"
    assert str(engine.value(f"SELECT toString(SUM(revenue) / SUM(spend)) AS cut FROM {table}")) == "3.7"
    assert float(engine.value(f"SELECT round({compiled(roas)}, 2) AS figure FROM {table}")) == 3.71


@pytest.mark.parametrize("piece", STATEMENTS, ids=lambda piece: piece.page)
def test_a_statement_of_a_document_tells_the_truth(engine: Engine, schema: list[Statement], piece: Piece) -> None:
    converge(schema, engine, engine.replay, Options())
    statement = re.sub(r"\s+FORMAT \w+\s*$", "", piece.text.replace("\\\n", " ").strip())
    assert engine.rows(statement) == []  # no rows
    engine.execute(
        "INSERT INTO zakaz.dim_events (event_id, name, city, _ver) VALUES (1, 'a', 'орел', 1), (2, 'b', 'омск', 1)"
    )
    columns = "d, source, account, ad_id, city, impressions, clicks, spend, currency, _ver"
    engine.execute(
        f"INSERT INTO zakaz.dm_ads_daily ({columns}) SELECT toDate('2024-01-01') + number % 500, 'any', 'a', "
        f"toString(number), 'орел', 1, 0, toDecimal64({SQL['spend']}, 2) / 100, 'RUB', 1 FROM numbers({NUMBERS})"
    )
    engine.execute(
        "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, city, tickets_sold, orders, revenue, _ver) VALUES "
        "('2024-01-01', 1, 'RUB', '', 1, 1, 556538125.56, 1), ('2024-01-01', 2, 'RUB', '', 1, 1, 5, 1)"
    )
    spend = Decimal(total("spend")) / 100
    [row] = engine.rows(statement)  # the city without spend has no ratio
    roas = (Decimal("556538125.56") / spend).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert (row["city_name"], Decimal(str(row["roas"]))) == ("Орёл", roas)
    assert roas != (Decimal("556538125.56") / spend).quantize(Decimal("0.01"), "ROUND_DOWN"), "rounding must matter"
