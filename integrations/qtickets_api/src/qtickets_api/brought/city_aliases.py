"""The operator's own spellings of cities: a file of aliases, each with its city and how people write that.

They stand in zakaz.dim_city_alias beside those the deployment brings (source 'seed'); the file is the whole list of the
operator's (source 'import').
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zakaz_common.city import UNATTRIBUTED, normalise_city
from zakaz_common.city_directory import read_city_directory
from zakaz_common.run import RunContext

from qtickets_api.brought.event_cities import resolve_events_again
from qtickets_api.brought.replacement import replace_rows
from qtickets_api.brought.tables.columns import Column
from qtickets_api.brought.tables.reader import Table, TableFile, count_files, read_table, refuse_errors
from qtickets_api.mart import refresh_all

TABLE = "dim_city_alias"
IMPORTED = "import"
ALIASES = Table(
    "aliases",
    (
        Column("alias", ("alias", "spelling", "написание", "алиас", "псевдоним", "вариант"), "text"),
        Column("city", ("city", "город"), "text"),
        Column(
            "city_name",
            ("city_name", "city name", "название", "название города", "как писать"),
            "text",
            required=False,
            default="",
        ),
    ),
    ("alias",),
)


@dataclass(frozen=True, slots=True)
class _Alias:
    number: int
    city: str
    city_name: str


def read_aliases(path: Path) -> list[TableFile]:
    """Read the file, with what is wrong with it."""
    return [read_table(ALIASES, path)]


def import_city_aliases(context: RunContext, path: Path) -> None:
    """Make the operator's aliases equal to the file. With an error in it nothing is written.

    Aliases of an earlier import that the file lacks are removed; where the deployment has one of its own for the
    spelling, the next `make schema` or `make deploy` brings that back. Events are resolved anew.
    """
    files = read_aliases(path)
    refuse_errors(files)
    count_files(context, files)
    rows = _checked(files[0], _others(context))
    written = replace_rows(
        context.warehouse,
        TABLE,
        ("alias",),
        ("city", "city_name", "source"),
        {(alias,): (row.city, row.city_name, IMPORTED) for alias, row in rows.items()},
        scope="source = {source:String}",
        parameters={"source": IMPORTED},
    )
    context.wrote(TABLE, written)
    resolve_events_again(context, read_city_directory(context.warehouse))
    refresh_all(context)


def _others(context: RunContext) -> dict[str, str]:
    """Aliases that are not the operator's, alias to city."""
    table = context.warehouse.name(TABLE)
    found = context.warehouse.query(
        f"SELECT alias, city FROM {table} FINAL WHERE source != {{source:String}}",  # noqa: S608
        {"source": IMPORTED},
    )
    return {str(alias): str(city) for alias, city in found}


def _checked(file: TableFile, others: Mapping[str, str]) -> dict[str, _Alias]:
    """The file's aliases by key, each leading to a city that is no alias of another. Raises DataError."""
    aliases: dict[str, _Alias] = {}
    for number, row in file.rows:
        place = f"{file.source_file}, row {number}"
        alias, city = normalise_city(row["alias"]), normalise_city(row["city"])
        if not alias or not city:
            file.errors.append(f"{place}: an alias and a city were expected")
            continue
        if alias == UNATTRIBUTED:
            file.errors.append(f"{place}: {UNATTRIBUTED} is what has no city, and can be no spelling of one")
            continue
        if alias == city == others.get(alias) and not row["city_name"]:
            continue  # known already, and the deployment's row has the name as people write it
        found = _Alias(number, city, row["city_name"])
        earlier = aliases.setdefault(alias, found)
        if (earlier.city, earlier.city_name) != (found.city, found.city_name):
            file.errors.append(f"{place}: is the spelling of row {earlier.number}, with another city or name")
    refuse_errors([file])
    leads_to = {**others, **{alias: row.city for alias, row in aliases.items()}}
    final = {alias: _Alias(row.number, _follow(row.city, leads_to), row.city_name) for alias, row in aliases.items()}
    names: dict[str, _Alias] = {}
    for alias, found in final.items():
        place = f"{file.source_file}, row {found.number}"
        if not found.city:
            file.errors.append(f"{place}: the aliases lead in a circle; let one of them be the city")
            continue
        left = [spelling for spelling, city in others.items() if city == alias and spelling not in aliases]
        if found.city != alias and (left := [spelling for spelling in left if spelling != alias]):
            file.errors.append(
                f"{place}: {len(left)} other spellings lead to this alias as to a city; name them in the file too, "
                f"beginning with {min(left)}"
            )
        if found.city_name and (first := names.setdefault(found.city, found)).city_name != found.city_name:
            file.errors.append(f"{place}: names the city otherwise than row {first.number}")
    refuse_errors([file])
    return final


def _follow(city: str, leads_to: Mapping[str, str]) -> str:
    """The city at the end of the aliases; '' if they lead in a circle."""
    seen = {city}
    while (following := leads_to.get(city, city)) != city:
        if following in seen:
            return ""
        seen.add(following)
        city = following
    return city
