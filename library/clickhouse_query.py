#!/usr/bin/python
# Copyright (c) Zakaz Dashboard contributors
# MIT License (see LICENSE)
"""Ansible module: read-only ClickHouse queries and assertions on their answers."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: clickhouse_query
short_description: Read from ClickHouse, and assert what the answer must be
description:
  - Runs one SELECT over HTTP, read-only by the server's own setting, and returns its rows.
  - Values are passed as query parameters, never pasted into the text.
  - With O(expect) the first row must hold the given values; with O(assertions) conditions are evaluated by ClickHouse
    over the query's rows. The module fails with a sentence that says what was expected and what was found.
extends_documentation_fragment: [clickhouse_connection]
author:
  - Zakaz Dashboard contributors
attributes:
  check_mode:
    support: full
    description: Only reads, so it does the same.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  query:
    description: One SELECT, WITH, SHOW, DESCRIBE, EXISTS or EXPLAIN, without FORMAT; parameters as C({name:Type}).
    type: str
    required: true
  parameters:
    description: Values of the query's parameters; a list becomes an Array.
    type: dict
    default: {}
  url_parameters:
    description: URLs that are read from the target; each answer is the value of the parameter of that name, as text.
    type: dict
    default: {}
  settings:
    description: ClickHouse settings of the query.
    type: dict
    default: {}
  expect:
    description: Columns of the first row and the values they must have, compared as text.
    type: dict
    default: {}
  expect_rows:
    description: How many rows the answer must have.
    type: int
  min_rows:
    description: How many rows the answer must have at least.
    type: int
  assertions:
    description: SQL conditions, each of which must be true for every row of the answer.
    type: list
    elements: str
    default: []
  fail_msg:
    description: Sentence put before the reason when an assertion fails, for instance what to do.
    type: str
    default: ""
  max_rows:
    description: Most rows returned; the rest is cut off.
    type: int
    default: 1000
  retries_until_reachable:
    description: Seconds to go on trying while no server answers.
    type: int
    default: 0
  timeout:
    description: Seconds the query may take.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: The last week has sales
  clickhouse_query:
    username: bi_reader
    password: "{{ bi_reader_password }}"
    query: >-
      SELECT d, city, revenue, spend, roas FROM bi.v_marketing_roi_daily
      WHERE d >= {since:Date} ORDER BY d, city
    parameters:
      since: "2026-11-16"
    min_rows: 1
    assertions:
      - d > toDate('2000-01-01')
      - city != ''
    fail_msg: The loaders wrote nothing; see 'make status'.
  register: roi

- name: No mutation is stuck
  clickhouse_query:
    username: admin
    password: "{{ clickhouse_admin_password }}"
    query: SELECT count() AS stuck FROM system.mutations WHERE NOT is_done
    expect:
      stuck: 0
"""

RETURN = r"""
rows:
  description: The answer, a dictionary a row. Decimals and 64-bit integers are text, so that nothing is rounded.
  returned: success
  type: list
  elements: dict
row_count:
  description: Number of rows in the answer, before it was cut to O(max_rows).
  returned: success
  type: int
"""

import http.client
import json
import urllib.request

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.zakaz_clickhouse.connection import CONNECTION_OPTIONS, connect
from ansible.module_utils.zakaz_clickhouse.failures import EngineFailure, Unreachable
from ansible.module_utils.zakaz_clickhouse.patience import patiently
from ansible.module_utils.zakaz_schema.assertions import Expectation, check_answer, read_only_query
from ansible.module_utils.zakaz_schema.failures import SchemaFailure


def text_at(url: str, timeout: float) -> str:
    """Return what a URL answers, decoded as UTF-8.

    :param timeout: seconds
    :raises OSError: nobody answers, or with an error
    :raises http.client.HTTPException: what answers does not speak HTTP
    :raises ValueError: no URL of HTTP, or no UTF-8
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError("it does not begin with http:// or https://")
    with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310  just looked at
        return answer.read().decode()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "query": {"type": "str", "required": True},
            "parameters": {"type": "dict", "default": {}},
            "url_parameters": {"type": "dict", "default": {}},
            "settings": {"type": "dict", "default": {}},
            "expect": {"type": "dict", "default": {}},
            "expect_rows": {"type": "int"},
            "min_rows": {"type": "int"},
            "assertions": {"type": "list", "elements": "str", "default": []},
            "fail_msg": {"type": "str", "default": ""},
            "max_rows": {"type": "int", "default": 1000},
            "retries_until_reachable": {"type": "int", "default": 0},
            **CONNECTION_OPTIONS,
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    connection = connect(params)
    expectation = Expectation(
        first_row=params["expect"],
        rows=params["expect_rows"],
        least=params["min_rows"],
        conditions=tuple(params["assertions"]),
    )
    values = dict(params["parameters"])
    for name, url in params["url_parameters"].items():
        try:
            values[name] = text_at(url, params["timeout"])
        except (OSError, http.client.HTTPException, ValueError) as error:
            module.fail_json(msg=f"{url}, for the parameter {name}, cannot be read: {error}.")
    try:
        answer, failures = patiently(
            lambda: check_answer(connection, read_only_query(params["query"]), values, params["settings"], expectation),
            params["retries_until_reachable"],
            passing=lambda failure: isinstance(failure, Unreachable),
            first=1,
            most=1,
        )
    except Unreachable as failure:
        module.fail_json(msg=str(failure))
    except (EngineFailure, SchemaFailure) as failure:
        module.fail_json(msg=f"The query failed: {failure}")
    shown = answer[: params["max_rows"]]
    if failures:
        before = f"{params['fail_msg'].strip()} " if params["fail_msg"] else ""
        module.fail_json(msg=before + " ".join(failures), rows=shown[:20], row_count=len(answer))
    module.exit_json(changed=False, rows=json.loads(json.dumps(shown)), row_count=len(answer))


if __name__ == "__main__":
    main()
