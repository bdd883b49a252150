"""A secret is refused by name, or reaches each of its readers byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import string
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.makefile import REPOSITORY
from tests.sources import ADVERTISING, CATALOGUE, SOURCES, services

pytestmark = pytest.mark.patient
BIN = Path(sys.executable).parent
ROLES = REPOSITORY / "roles"

# Every secret's readers: a place in what is rendered for them.
READERS: dict[str, list[str]] = {
    "clickhouse_admin_password": ["users admin", "log_in admin"],
    "clickhouse_bi_password": ["users bi_reader", "log_in bi_reader"],
    "clickhouse_backup_password": ["users backup", "backup.json password"],
    "clickhouse_watch_password": ["users watch", "watch.json clickhouse.password"],
    "alerts_smtp_password": ["alerts.json channels.mail.password"],
    "alerts_telegram_token": ["alerts.json channels.telegram.token"],
    "alerts_webhook_url": ["alerts.json channels.webhook.url"],
    "alerts_webhook_token": ["alerts.json channels.webhook.token"],
    "backup_s3_access_key_id": ["backup.json s3.access_key_id"],
    "backup_s3_secret_access_key": ["backup.json s3.secret_access_key"],
    "backup_age_identity": ["age"],
    "tls_proxy_key": ["tls"],
}  # fmt: skip


def readers_of(source: str) -> dict[str, list[str]]:
    """Those of a source's secrets: its loader's environment, and that of what runs beside it, which has all of it."""
    said, beside = SOURCES[source], [one for one in services() if one[0] == source]
    prefix, clickhouse = said["environment_prefix"], said["clickhouse"]
    files = [f"{source}.env", *(service["environment_file"] for _, _, service in beside)]
    found = {
        clickhouse["password"]: [f"users {clickhouse['user']}", *(f"{file} CLICKHOUSE_PASSWORD" for file in files)]
    }
    for key, setting in said["settings"].items():
        if setting.get("secret"):
            found[f"{source}_{key}"] = [f"{file} {prefix}{key.upper()}" for file in files]
    for _, name, service in beside:
        for key, setting in service["settings"].items():
            if setting.get("secret"):
                variable = f"{prefix}{name.upper()}_{key.upper()}"
                found[f"{source}_{name}_{key}"] = [f"{service['environment_file']} {variable}"]
    return found


for each in SOURCES:
    READERS |= readers_of(each)

# Taken from another secret of the list, or of a simulator that guards nothing.
DERIVED = {
    "clickhouse_schema_password",
    "backup_password",
    "restore_password",
    "api_sandbox_qtickets_token",
    "api_sandbox_vk_client_secret",
}
GOOD = "correct-horse-battery"
# some loader's
PASSWORD = SOURCES[ADVERTISING]["clickhouse"]["password"]

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - block:
        - ansible.builtin.import_role: {name: zakaz}
        - ansible.builtin.import_role: {name: preflight, tasks_from: credentials}
        - write_files:
            folders: [{path: "{{ readers }}"}]
            files:
              - {path: "{{ readers }}/users.xml", base64: "{{ lookup('rendered', roles ~ '/clickhouse/templates/users.xml.j2') | b64encode }}"}
ENVIRONMENTS
              - {path: "{{ readers }}/watch.json", base64: "{{ lookup('rendered', roles ~ '/watch/templates/settings.json.j2') | b64encode }}"}
              - {path: "{{ readers }}/alerts.json", base64: "{{ lookup('rendered', roles ~ '/alerts/templates/settings.json.j2') | b64encode }}"}
              - {path: "{{ readers }}/backup.json", base64: "{{ (__backup_settings | to_nice_json) | b64encode }}"}
              - {path: "{{ readers }}/age", base64: "{{ backup_age_identity | b64encode }}"}
              - {path: "{{ readers }}/tls", base64: "{{ tls_proxy_key | b64encode }}"}
              - path: "{{ readers }}/log_in"
                base64: "{{ clickhouse_users | map(attribute='name') | zip(clickhouse_users | map(attribute='password'))
                  | map('join', ' ') | join('\\n') | b64encode }}"
          vars:
            rendered_environment: "{{ roles }}/loader/templates/environment.j2"
      rescue:
        - ansible.builtin.debug: {msg: "refused: {{ ansible_failed_result.msg }}"}
"""  # noqa: E501
ENVIRONMENT = """\
              - path: "{{ readers }}/FILE"
                base64: "{{ lookup('rendered', rendered_environment, template_vars={'environment_values': VALUES}) | b64encode }}"
"""  # noqa: E501


def environments() -> str:
    """Those of every loader and of what runs beside it, as tasks write them."""
    values = {f"{name}.env": f"zakaz_source_catalogue.{name}.environment" for name in SOURCES}
    for source, name, service in services():
        own = f"zakaz_source_catalogue.{source}.services.{name}.environment"
        values[service["environment_file"]] = f"zakaz_source_catalogue.{source}.environment | combine({own})"
    return "".join(ENVIRONMENT.replace("FILE", file).replace("VALUES", value) for file, value in values.items())


SETTINGS = {
    "roles": str(ROLES),
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "zakaz_allow_unencrypted_vault": True,
    "zakaz_manages_units": False,
    "api_sandbox_enabled": False,
    "clickhouse_image": "embedded",
    **{f"{source}_{name}_enabled": True for source, name, _ in services()},
    "alerts_mail_to": ["ops@example.org"],
    "alerts_telegram_chat": "1",
    "backup_s3_path": "bucket",
    "backup_commit": "none",
    "docker_engine_volume_root": "/v",
}


def secrets_of_the_roles() -> set[str]:
    """The settings that are hidden from logs."""
    found = {
        name for source in CATALOGUE.values() for name, one in source["argument_spec"].items() if one.get("no_log")
    }
    for spec in ROLES.glob("*/meta/argument_specs.yml"):
        options = yaml.safe_load(spec.read_text())["argument_specs"]["main"].get("options") or {}
        found |= {name for name, option in options.items() if option.get("no_log") and option["type"] == "str"}
    return found


def deliver(folder: Path, vaults: list[str]) -> list[str]:
    """For each Vault file, a host of its own: why it was refused, or nothing and its folder `readers` is written."""
    hosts, folders = folder / "hosts.yml", [folder / f"h{number}" for number in range(len(vaults))]
    references = {name: f"{{{{ vault_{name} }}}}" for name in READERS}
    hosts.write_text(yaml.safe_dump({"all": {
        "hosts": {place.name: {"readers": str(place)} for place in folders}, "vars": SETTINGS | references,
    }}))  # fmt: skip
    (folder / "host_vars").mkdir()
    for place, vault in zip(folders, vaults, strict=True):
        (folder / "host_vars" / f"{place.name}.yml").write_text(vault, encoding="utf-8")
    play = folder / "play.yml"
    play.write_text(PLAY.replace("ENVIRONMENTS\n", environments()))
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", str(hosts), "--forks", "4", str(play)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={**os.environ, "HOME": str(folder), "NO_COLOR": "1", "LANG": "C.UTF-8", "ANSIBLE_ANY_ERRORS_FATAL": "false",
             "ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
    )  # fmt: skip
    refused = {}
    for chunk in done.stdout.split("\nok: [")[1:]:
        host, _, rest = chunk.partition("] => ")
        if '"msg": "refused: ' in rest:
            refused[host] = json.JSONDecoder().raw_decode(rest)[0]["msg"].removeprefix("refused: ")
    assert all(place.name in refused or (place / "users.xml").exists() for place in folders), (
        done.stdout + done.stderr
    )[-3000:]
    return [refused.get(place.name, "") for place in folders]


def received(folder: Path, reader: str) -> str:
    """What a reader takes the secret for; of a password of ClickHouse, its hash."""
    file, _, place = reader.partition(" ")
    if file == "users":
        user = ElementTree.fromstring((folder / "users.xml").read_bytes()).find(f"users/{place}")
        return user.findtext("password_sha256_hex")
    text = (folder / file).read_bytes().decode()
    if file.endswith(".env"):
        # as `docker run --env-file` does: a line, its beginning trimmed, to its end
        pairs = [line.lstrip().partition("=") for line in text.split("\n") if not line.startswith("#")]
        (value,) = [value for name, _, value in pairs if name == place]
        return value
    if file.endswith(".json"):
        value = json.loads(text)
        for key in place.split("."):
            value = value[key]
        return value
    if file == "log_in":
        # as bash's `IFS=' ' read -r name password`
        (value,) = [line.partition(" ")[2].strip(" ") for line in text.split("\n") if line.startswith(f"{place} ")]
        return value
    return text


def vault(**changed: object) -> str:
    """A Vault file, with good secrets but for those that are named; what is no `!`-tagged text is dumped as YAML."""
    values = {name: f"{GOOD}-{name}" for name in READERS} | {"alerts_webhook_url": f"https://example.org/{GOOD}"}
    return yaml.safe_dump({f"vault_{name}": value for name, value in (values | changed).items()}, allow_unicode=True)


def refused_or_received(folder: Path, name: str, secret: str, sentence: str) -> str:
    """What is wrong; empty when the rule of this file holds."""
    if sentence:
        if f"vault_{name}" not in sentence:
            return f"{secret!r} as {name} is refused without the name: {sentence}"
        # `{%` is in the sentence that says what is not allowed
        return f"the sentence shows {secret!r}" if len(secret) > 3 and secret in sentence else ""
    for reader in READERS[name]:
        found = received(folder, reader)
        if found != (hashlib.sha256(secret.encode()).hexdigest() if reader.startswith("users ") else secret):
            return f"{reader} took {secret!r} for {found!r}"
    return ""


def check(folder: Path, cases: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Deliver a secret each; return them with their sentences. Fails for one that is neither refused nor received."""
    sentences = deliver(folder, [vault(**{name: secret}) for name, secret in cases])
    results = [(name, secret, sentence) for (name, secret), sentence in zip(cases, sentences, strict=True)]
    wrong = [refused_or_received(folder / f"h{number}", *result) for number, result in enumerate(results)]
    assert [words for words in wrong if words] == []
    return results


def test_every_secret_of_the_roles_is_proved_here():
    assert secrets_of_the_roles() == set(READERS) | DERIVED


# All printable ASCII, in an order that makes no sign of Jinja; what the readers' own grammars are about comes twice.
EVERYTHING = (
    string.ascii_letters
    + string.digits
    + "%{ }#\"'$\\<&>`!;|=,?*:@/^~()[]-_+."
    + "]]> $HOME ${x} %s %% \\n \\1 '\" -- #x"
)


def test_every_secret_takes_all_printable_ascii(tmp_path):
    assert set(string.printable.strip()) <= set(EVERYTHING)
    special = {"alerts_webhook_url": "https://example.org/" + EVERYTHING.replace(" ", "")}
    (sentence,) = deliver(tmp_path, [vault(**{name: special.get(name, EVERYTHING) for name in READERS})])
    assert sentence == ""
    for name in READERS:
        assert refused_or_received(tmp_path / "h0", name, special.get(name, EVERYTHING), "") == "", name


REFUSED = [
    "пароль-на-кириллице", "caf\u00e9-au-lait", "no\u00a0break-space", "zero\u200bwidth-space", "emoji-\U0001f511-key",
    " begins-with-a-blank", "ends-with-a-blank ", "\tbegins-with-a-tab", "a-tab\tinside", "line\nline-line",
    "ends-with-line\n", "carriage\rreturn", "nul-\x00-inside", "delete-\x7f-inside", "jinja-{{-open", "jinja-{{ 7*7 }}",
    "{{ 7 * 7 }}", "{{nope}}", f"{{{{ vault_{PASSWORD} }}}}x",
    "{%raw%}-block", "comment-{#-open", "{# a comment #}",
    "{{ lookup('env', 'HOME') }}", "{{",
]  # fmt: skip
MULTILINE = {"backup_age_identity", "tls_proxy_key"}


def test_what_would_not_arrive_is_refused_by_name(tmp_path):
    # NUL cannot be written into YAML in any other way than escaped, which safe_dump does
    names = sorted(set(READERS) - MULTILINE)
    cases = [(names[number % len(names)], secret) for number, secret in enumerate(REFUSED)]
    assert [case for case in check(tmp_path, cases) if not case[2]] == []


def test_what_yaml_reads_as_no_text_is_refused_by_name(tmp_path):
    written = [
        "01234567",
        "12345678",
        "1.0e+50",
        "1_000_000_000",
        "true",
        "2026-01-01",
        "0x7fffffffff",
        "[a, b]",
        "",
        "null",
        '""',
    ]
    vaults = [vault(clickhouse_bi_password="@@").replace("'@@'", text) for text in written]
    for text, sentence in zip(written, deliver(tmp_path, vaults), strict=True):
        assert "clickhouse_bi_password" in sentence, text
        assert len(text) < 8 or text not in sentence


def test_jinja_is_taken_literally_where_it_is_said_to_be(tmp_path):
    secret = "{{ 7*7 }}{%if%}{#"
    (sentence,) = deliver(tmp_path, [vault(**{PASSWORD: "@@"}).replace("'@@'", f'!unsafe "{secret}"')])
    assert sentence == ""
    assert refused_or_received(tmp_path / "h0", PASSWORD, secret, "") == ""


@pytest.mark.parametrize(("secret", "taken"), [("{{ 7*7 }}-literally", True), ("пароль-внутри", False)])
def test_a_value_that_is_encrypted_alone_is_judged_by_what_is_in_it(tmp_path, monkeypatch, secret, taken):
    """`!vault`, which Ansible never evaluates."""
    key = tmp_path / "key"
    key.write_text("a key\n")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(key))
    command = [str(BIN / "ansible-vault"), "encrypt_string", "--stdin-name", f"vault_{PASSWORD}"]
    done = subprocess.run(command, input=secret, capture_output=True, text=True, check=True)
    lines = [line for line in vault().splitlines() if not line.startswith(f"vault_{PASSWORD}")]
    (sentence,) = deliver(tmp_path, ["\n".join([*lines, done.stdout])])
    assert bool(sentence) != taken
    assert refused_or_received(tmp_path / "h0", PASSWORD, secret, sentence) == ""


@pytest.mark.parametrize("form", ["{{ vault_@ | default('') }}", "{{ vault_@ | trim }}", "{{ [vault_@] | first }}"])
def test_what_is_read_by_an_expression_is_refused_or_arrives_as_well(tmp_path, form):
    name = "clickhouse_bi_password"
    evaluated, literal, plain = "pass-{{ 7*7 }}-word", '!unsafe "pass-{{ 7*7 }}-word"', "pass-}}-word"
    vaults = [vault(**{name: evaluated}), vault(**{name: "@@"}).replace("'@@'", literal), vault(**{name: plain})]
    # a host's own variables precede those of all hosts
    reference = f'{name}: "{form.replace("@", name)}"\n'
    sentences = deliver(tmp_path, [text + reference for text in vaults])
    assert f"vault_{name}, which holds" in sentences[0]
    assert "49" not in sentences[0]
    assert refused_or_received(tmp_path / "h1", name, evaluated, sentences[1]) == sentences[1] == ""
    assert refused_or_received(tmp_path / "h2", name, plain, sentences[2]) == sentences[2] == ""


def test_a_text_around_a_secret_of_the_vault_is_taken(tmp_path):
    text = (
        vault(alerts_webhook_url="a-token")
        + 'alerts_webhook_url: "https://example.org/{{ vault_alerts_webhook_url }}"\n'
    )
    (sentence,) = deliver(tmp_path, [text])
    assert sentence == ""
    assert received(tmp_path / "h0", READERS["alerts_webhook_url"][0]) == "https://example.org/a-token"


SECRETS = st.one_of(
    st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), min_size=1, max_size=24),
    st.text(st.sampled_from("{}%#a1 '\"\\$"), min_size=1, max_size=12),
    st.text(max_size=12, min_size=1).filter(lambda text: not any("\ud800" <= sign <= "\udfff" for sign in text)),
)


@settings(max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(cases=st.lists(st.tuples(st.sampled_from(sorted(READERS)), SECRETS), min_size=30, max_size=40))
def test_any_text_is_refused_by_name_or_received(tmp_path_factory, cases):
    check(tmp_path_factory.mktemp("secrets"), cases)
