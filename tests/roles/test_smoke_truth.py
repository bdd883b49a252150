"""The simulator is asked for the advertising that a deployment loads: it also plays vendors of sources that are off."""

from __future__ import annotations

import jinja2
import yaml

from tests.makefile import REPOSITORY

ROLE = REPOSITORY / "roles/smoke"


def asked(sources: list[dict[str, str]]) -> str:
    """The address of the truth in a deployment of these sources."""
    [task] = [one for one in yaml.safe_load((ROLE / "tasks/truth.yml").read_text()) if "url_parameters" in str(one)]
    address = task["clickhouse_query"]["url_parameters"]["truth"].rpartition("/")[2]
    names = yaml.safe_load((ROLE / "vars/main.yml").read_text())["__smoke_advertising"]
    rendered = jinja2.Environment().from_string(names).render(zakaz_source_list=sources)
    return jinja2.Environment().from_string(address).render(__smoke_advertising=rendered)


def test_the_truth_is_that_of_the_sources_that_are_loaded() -> None:
    sales, one, other = ({"name": name, "kind": kind} for name, kind in [
        ("tickets", "sales"), ("posters", "advertising"), ("radio", "advertising"),
    ])  # fmt: skip
    assert asked([sales, one, other]) == "roi.json?advertising=posters,radio"
    assert asked([sales]) == "roi.json?advertising=", "of no source, and not of all"
