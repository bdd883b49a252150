"""The seed of city spellings: every spelling leads to one city, through the one normaliser."""

from __future__ import annotations

import sys

import pytest
from zakaz_schema.converge import Options, converge
from zakaz_schema.statements import Statement

from tests.schema.engines import REPOSITORY, Engine


@pytest.fixture
def aliases(one_engine: Engine, schema: list[Statement]) -> dict[str, str]:
    converge(schema, one_engine, one_engine.replay, Options())
    found = one_engine.rows("SELECT alias, city FROM zakaz.dim_city_alias")
    assert len({row["alias"] for row in found}) == len(found)
    return {row["alias"]: row["city"] for row in found}


def test_a_city_is_its_own_alias_and_no_alias_leads_to_an_alias(aliases: dict[str, str]) -> None:
    assert all(aliases[city] == city for city in aliases.values())


def test_spellings_met_in_names_and_utm(aliases: dict[str, str]) -> None:
    for spelling in ("nizhny novgorod", "nizhny_novgorod", "nizhny-novgorod", "нижний_новгород", "нижний новгород"):
        assert aliases[spelling] == "нижний новгород"
    assert (aliases["спб"], aliases["spb"], aliases["orel"]) == ("санкт-петербург", "санкт-петербург", "орел")


def test_names_as_russians_shorten_them(aliases: dict[str, str]) -> None:
    for spelling in ("ростов н/д", "ростов-н/д", "ростов-на дону"):
        assert aliases.get(spelling) == "ростов-на-дону"
    assert aliases.get("н.новгород") == "нижний новгород"
    assert aliases.get("в.новгород") == "великий новгород"
    assert aliases.get("н.тагил") == "нижний тагил"
    assert aliases.get("с.петербург") == aliases.get("с.-петербург") == "санкт-петербург"


def test_keys_are_what_the_normaliser_makes(aliases: dict[str, str]) -> None:
    sys.path.insert(0, str(REPOSITORY / "packages/zakaz_common/src"))
    from zakaz_common import city

    for alias, name in aliases.items():
        assert city.normalise_city(alias) == alias
        assert city.normalise_city(name) == name


def test_every_spelling_of_the_sandbox_is_known(aliases: dict[str, str]) -> None:
    sys.path.insert(0, str(REPOSITORY / "services/api_sandbox/src"))
    from api_sandbox.season import cities as sandbox

    unknown = {spelling for spelling, city in sandbox.CITY_ALIASES.items() if aliases.get(spelling) != city}
    assert unknown == set()
