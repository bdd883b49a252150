"""Reads what the warehouse knows of spellings of cities."""

from zakaz_common.city import CityDirectory
from zakaz_common.statements import Statements


def read_city_directory(warehouse: Statements) -> CityDirectory:
    """The directory of this moment. Needs the right to read `dim_city_alias`."""
    table = warehouse.name("dim_city_alias")
    rows = warehouse.query(f"SELECT alias, city FROM {table} FINAL")  # noqa: S608
    return CityDirectory({str(alias): str(city) for alias, city in rows})
