"""An optional source of the registry is off until its secrets are given: as if it were not in the registry."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from make_vault import names, optional_names

from tests.makefile import REPOSITORY
from tests.roles.test_every_source_reaches import (
    EXPRESSIONS,
    REACHES,
    answers,
    expected,
    play,
    repository_with,
    third_of,
)
from tests.sources import ENABLED, SOURCES, required_secrets, services

SIDE = "side_show"
TOKEN, KEY, ACCOUNTS = f"{SIDE}_token", f"{SIDE}_key", f"{SIDE}_accounts"
GIVEN = {TOKEN: "a token", KEY: "a key"}
OFF = f"off: set {TOKEN} (or {ACCOUNTS}), {KEY} (or {ACCOUNTS}) in the inventory, and make deploy loads from it"
REGISTRY = [*ENABLED, SIDE]
# what shows that a source is on
SEEN = ["zakaz_source_list | map(attribute='name') | list", "zakaz_sources_off | map(attribute='name') | list"]


def side_show() -> dict[str, Any]:
    """An optional source with a verb of its own, which needs two secrets, or a third one instead."""
    source = json.loads(json.dumps(third_of(SOURCES[ENABLED[0]])).replace("box_office", SIDE).replace("BOX", "SIDE"))
    source |= {"title": "Side show", "optional": True, "imports": {"import-tents": []}, "kind": "advertising"}
    secret = {"description": "Who.", "secret": True}
    source["settings"] = {
        "base_url": source["settings"]["base_url"],
        "token": secret | {"required": True, "unless": "accounts", "rotates_as": TOKEN, "simulated": "simulated"},
        "key": secret | {"required": True, "unless": "accounts", "rotates_as": KEY, "simulated": "simulated"},
        "accounts": secret,
        "colour": {"description": "What it shows.", "default": "red"},
    }
    bell = source["services"]["bell"]
    source["services"] = {"drum": bell | {"container": "side-show-drum", "environment_file": "side_show_drum.env"}}
    source["smoke"] = {"counts": {"side_rows": "SELECT 1"}, "expect": ["side_rows > 0"]}
    return source


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    return repository_with(tmp_path_factory.mktemp("repository"), **{SIDE: side_show()})


@pytest.fixture(scope="module")
def others(repository, tmp_path_factory) -> dict[str, Any]:
    """What consumers work with where it is not in the registry."""
    return answers(repository, tmp_path_factory.mktemp("others"), [*EXPRESSIONS, *SEEN], zakaz_sources=ENABLED)


def test_no_role_asks_the_registry_itself_what_is_loaded():
    """Else a source would be on for one role and off for another."""
    pattern = [
        "git",
        "grep",
        "--extended-regexp",
        r"^[^#]*\bzakaz_sources\b",
        "--",
        "roles/*.yml",
        "roles/*.j2",
        "playbooks",
    ]
    done = subprocess.run(pattern, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    home = ("roles/zakaz/", "roles/sources/tasks/main.yml:  tags:", "roles/loader/meta/")
    others = [line for line in done.stdout.splitlines() if not line.startswith(home) and "'No source of" not in line]
    assert others == []


def test_off_it_reaches_no_consumer(repository, tmp_path, others):
    found = answers(repository, tmp_path, [*EXPRESSIONS, *SEEN])
    assert found.pop(SEEN[1]) == [SIDE]
    assert others[SEEN[1]] == []
    assert found == {expression: answer for expression, answer in others.items() if expression != SEEN[1]}
    assert SIDE not in found["container_images_wanted"]


@pytest.mark.parametrize(
    "settings", [GIVEN, {"api_sandbox_enabled": True}, {ACCOUNTS: "[]"}], ids=["given", "simulated", "instead"]
)
def test_on_it_reaches_every_consumer(repository, tmp_path, settings, others):
    found = answers(repository, tmp_path, [*EXPRESSIONS, *SEEN], **settings)
    assert (SIDE in found[SEEN[0]], found[SEEN[1]]) == (True, [])
    for consumer in REACHES.values():
        for expression, patterns in consumer.items():
            for one in expected(patterns, SIDE, REGISTRY, side_show()):
                assert one in found[expression], f"{expression} does not know it"


CREDENTIALS = "    - ansible.builtin.import_role: {name: preflight, tasks_from: credentials}\n"
OTHERS_GIVEN: dict[str, Any] = {secret: "given" for name in ENABLED for secret in required_secrets(name)} | {
    f"{source}_{name}_enabled": False for source, name, _ in services()
}
JUDGED = """\
    - block:
        - ansible.builtin.import_role: {name: preflight, tasks_from: credentials}
        - ansible.builtin.debug: {msg: "on: {{ zakaz_source_list | map(attribute='name') | join(',') }}"}
      rescue:
        - ansible.builtin.debug: {msg: "{{ ansible_failed_result.msg }}"}
"""


def told(repository: Path, folder: Path, cases: list[dict[str, Any]], **settings: Any) -> list[str]:
    """What the preflight says of the credentials of each case, or which sources are on where it has nothing to say."""
    apart = {f"h{number}": case for number, case in enumerate(cases)}
    done = play(repository, folder, JUDGED, apart, **OTHERS_GIVEN, **settings)
    said = {
        host: json.loads(answer)["msg"] for host, answer in re.findall(r"(?ms)^ok: \[(\w+)\] => ({.*?^})", done.stdout)
    }
    assert said.keys() == apart.keys(), done.stdout + done.stderr
    return [said[host] for host in apart]


ON, STILL_OFF = (f"on: {','.join(registry)}" for registry in (REGISTRY, ENABLED))
CASES: list[tuple[dict[str, Any], str]] = [
    ({}, STILL_OFF),
    ({TOKEN: "", KEY: ""}, STILL_OFF),
    ({TOKEN: "  ", KEY: "\t", ACCOUNTS: " \n"}, STILL_OFF),
    ({TOKEN: None}, STILL_OFF),
    ({f"{SIDE}_colour": "blue"}, STILL_OFF),
    (GIVEN, ON),
    ({ACCOUNTS: "[]"}, ON),
    # half given
    ({TOKEN: "x"}, f"Empty: {KEY}."),
    ({KEY: "x", TOKEN: ""}, f"Empty: {TOKEN}."),
    # what is not given beside what is must still be right
    ({KEY: "x", TOKEN: "  "}, f"{TOKEN} begins or ends with a blank"),
    ({KEY: "x", TOKEN: None}, f"{TOKEN} is empty for YAML"),
    ({TOKEN: 5}, f"{TOKEN} is no text for YAML (int)"),
    ({ACCOUNTS: "x "}, f"{ACCOUNTS} begins or ends with a blank"),
    ({ACCOUNTS: "x", f"clickhouse_{SIDE}_password": ""}, f"Empty: clickhouse_{SIDE}_password."),
    # refers to what is not there
    ({TOKEN: "{{ nowhere }}"}, f"{TOKEN} cannot be evaluated"),
]


def test_it_is_on_or_off_or_refused_where_it_is_half_given(repository, tmp_path):
    for (case, words), said in zip(CASES, told(repository, tmp_path, [case for case, _ in CASES]), strict=True):
        assert said.startswith(words), case


def test_a_token_that_jinja_would_evaluate_is_refused_by_name(repository, tmp_path):
    """Before anything asks whether the source is on: an error of Jinja would show it."""
    for role in ("{name: preflight, tasks_from: credentials}", "{name: rotate}"):
        tasks = f"    - ansible.builtin.import_role: {role}\n"
        refused = play(repository, tmp_path, tasks, **OTHERS_GIVEN, **{TOKEN: "s3cr{{t"}, rotate_what=TOKEN)
        assert refused.returncode != 0
        assert f"{TOKEN} holds {{{{" in refused.stdout, refused.stdout
        assert "s3cr" not in refused.stdout + refused.stderr


def test_what_it_left_on_the_host_is_removed_and_its_state_stays(repository, tmp_path):
    host = tmp_path / "host"
    host.mkdir()
    for name in ("zakaz-side-show", f"{SIDE}.env", f"{SIDE}.ended.json", "side_show_drum.env", f"{ENABLED[0]}.env"):
        (host / name).write_text("")
    tasks = """\
    - ansible.builtin.import_role: {name: zakaz, tasks_from: spelling}
    - ansible.builtin.import_role: {name: sources}
"""
    settings = {
        "zakaz_sources": [SIDE],
        "zakaz_dir": str(host),
        "zakaz_manages_units": False,
        "docker_engine_looked": True,
        "docker_engine_volumes": ["zakaz-side-show-state"],
    }
    gone = play(repository, tmp_path, tasks, **settings)
    assert gone.returncode == 0, gone.stdout
    assert [path.name for path in host.iterdir()] == [f"{ENABLED[0]}.env"]
    again = play(repository, tmp_path, tasks, **settings)
    assert "changed=0 " in again.stdout


def test_its_secrets_cannot_be_rotated_and_the_sentence_says_what_turns_it_on(repository, tmp_path):
    tasks = "    - ansible.builtin.import_role: {name: rotate}\n"
    for name in (f"clickhouse_{SIDE}", f"{SIDE}_bell"):
        refused = play(repository, tmp_path, tasks, **OTHERS_GIVEN, rotate_what=f"{name},clickhouse_bi")
        assert refused.returncode != 0
        assert f"{name} is of {SIDE}, which is {OFF}." in refused.stdout
        assert "is not known" not in refused.stdout
    refused = play(repository, tmp_path, tasks, **OTHERS_GIVEN, rotate_what="clickhouse_nobody")
    assert "clickhouse_nobody is not known: make rotate SECRET=" in refused.stdout
    assert SIDE not in refused.stdout


def test_its_imports_say_what_turns_it_on(repository, tmp_path):
    tasks = "    - ansible.builtin.import_role: {name: loader, tasks_from: import_request}\n"
    known = {"loader_name": "{{ loader_of_import }}", "loader_import_verb": "import-tents"}
    refused = play(repository, tmp_path, tasks, **known)
    assert f"import-tents is of {SIDE}, which is {OFF}." in refused.stdout
    refused = play(repository, tmp_path, tasks, **known | {"loader_import_verb": "import-none"})
    assert f"No source of zakaz_sources={','.join(REGISTRY)} has import-none." in refused.stdout
    refused = play(repository, tmp_path, tasks, **known, **GIVEN)
    assert "Name the CSV file: make import-tents FILE=" in refused.stdout


def test_the_status_and_the_plan_have_a_line_of_it(repository, tmp_path):
    tasks = """\
    - ansible.builtin.set_fact:
        {cacheable: true, distribution: Debian, distribution_major_version: "12", pkg_mgr: apt, python: {executable: x}}
    - ansible.builtin.import_role: {name: status, tasks_from: judge}
      ignore_errors: true
    - ansible.builtin.debug: {msg: "{{ lookup('rendered', summary ~ 'summary.txt.j2') }}"}
    - ansible.builtin.debug: {msg: "{{ lookup('rendered', summary ~ 'planned.txt.j2') }}"}
"""
    failed = {"failed": True}
    seen = {
        **{f"__status_{what}": failed for what in ("server", "runs", "cities", "degraded", "tables")},
        "__status_host": {"host": {"docker": {"error": "none"}, "services": {}, "timers": {}, "held": {}, "files": [],
                                   "containers": {}, "disks": [], "folders": {}, "memory": None}},
        "__status_backups": {"skipped": True},
        "__status_backup_files": {"results": [{"stat": {"exists": False}}] * 2},
        "__summary_days": {"rows": []},
        "loader_results": {},
        "summary": f"{repository}/roles/summary/templates/",
        "zakaz_dir": str(tmp_path / "host"),
        "zakaz_manages_units": False,
        "container_images_wanted": [],
    }  # fmt: skip
    screens = play(repository, tmp_path, tasks, **seen).stdout
    for line in (f"  ok   {SIDE:<20} {OFF}", f"  {SIDE:<14} {OFF}", f"  {SIDE:<24} {OFF}"):
        assert line in screens, screens
    screens = play(repository, tmp_path, tasks, **seen, **GIVEN).stdout
    assert (f"{SIDE:<24} reads " in screens, OFF in screens) == (True, False)


# secrets in a Vault


def vault_of(repository: Path) -> dict[str, str]:
    """All secrets that a Vault must have, and those of the other optional sources."""
    others = [found for title, found in optional_names(repository).items() if title != side_show()["title"]]
    return dict.fromkeys([*names(repository), *(name for found in others for name in found)], "filled in")


IN_VAULT = {"zakaz_secrets_in_vault": True, "zakaz_allow_unencrypted_vault": True}
VAULTS: list[tuple[dict[str, str], str]] = [
    ({}, STILL_OFF),
    ({TOKEN: "", KEY: "  "}, STILL_OFF),
    (GIVEN | {f"clickhouse_{SIDE}_password": "long enough"}, ON),
    ({TOKEN: "x", f"clickhouse_{SIDE}_password": "long enough"}, f"Empty: {KEY}."),
]


def test_a_vault_may_lack_its_secrets_while_it_is_off(repository, tmp_path):
    cases = [{f"vault_{name}": value for name, value in secrets.items()} for secrets, _ in VAULTS]
    found = told(repository, tmp_path, cases, **IN_VAULT, **vault_of(repository))
    for (secrets, words), said in zip(VAULTS, found, strict=True):
        assert said.startswith(words), secrets


def test_a_vault_that_lacks_the_password_of_one_that_is_on_is_refused_before_the_first_task(repository, tmp_path):
    settings = OTHERS_GIVEN | IN_VAULT | vault_of(repository) | {f"vault_{TOKEN}": "x", f"vault_{KEY}": "y"}
    refused = play(repository, tmp_path, CREDENTIALS, **settings)
    assert "TASK" not in refused.stdout
    assert f"vault.yml is missing, and with it vault_clickhouse_{SIDE}_password. Make it" in refused.stderr


def test_no_password_is_generated_for_it_while_it_is_off(repository, tmp_path):
    tasks = "    - ansible.builtin.debug: {msg: \"password '{{ clickhouse_side_show_password }}'\"}\n"
    apart = {word: {"zakaz_secrets_dir": str(tmp_path / word)} for word in ("off", "on")}
    apart["on"] |= GIVEN
    done = play(repository, tmp_path, tasks, apart)
    assert "password ''" in done.stdout
    assert [word for word in apart if (tmp_path / word / f"clickhouse_loader_{SIDE}").exists()] == ["on"], done.stdout


def make_vault(repository: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repository / "scripts/make_vault.py", file, "--vault-password-file", file.parent / "key"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_vault_is_made_with_its_secrets_which_may_stay_empty(repository, tmp_path):
    file = tmp_path / "vault.yml"
    (tmp_path / "key").write_text("a password\n")
    made = make_vault(repository, file)
    assert made.returncode == 0, made.stderr
    own = [line for line in made.stdout.splitlines() if SIDE in line]
    assert own == [f"Optional, Side show is off without: vault_{TOKEN}, vault_{KEY}."]
    view = [
        str(Path(sys.executable).parent / "ansible-vault"),
        "view",
        f"--vault-password-file={tmp_path}/key",
        str(file),
    ]
    text = subprocess.run(view, capture_output=True, text=True, check=True).stdout
    assert text.index("# Optional: Side show is off until its secrets are filled in.") < text.index(SIDE)
    content = yaml.safe_load(text)
    assert (content[f"vault_{TOKEN}"], content[f"vault_{KEY}"]) == ("", "")
    assert len(content[f"vault_clickhouse_{SIDE}_password"]) == 48
    assert set(names(repository)) < set(content)
    assert make_vault(repository, file).stdout == f"{file} is there and has all names; nothing was done.\n"


def test_a_vault_without_its_secrets_is_whole_and_their_names_are_told(repository, tmp_path):
    file = tmp_path / "vault.yml"
    must = vault_of(repository)
    assert not [name for name in must if SIDE in name]
    file.write_text(yaml.safe_dump(must | {f"vault_{KEY}": ""}))
    done = make_vault(repository, file)
    assert done.returncode == 0, done.stderr
    absent = f"vault_clickhouse_{SIDE}_password, vault_{TOKEN}"
    assert f"{file} may also have {absent}: Side show is optional, and off without." in done.stdout
    file.write_text(yaml.safe_dump(dict(list(must.items())[1:])))
    done = make_vault(repository, file)
    assert (done.returncode, SIDE in done.stderr) == (1, False)
    assert f"lacks {next(iter(must))}." in done.stderr
