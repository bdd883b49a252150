"""Of a host's files the named secrets change, every reader agrees on them, and nothing else does."""

from __future__ import annotations

import hashlib
import json
import string
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible.errors import AnsibleFilterError
from filter.deployed_secrets import deployed_secret, deployed_secrets, webhook_signature, with_secrets
from hypothesis import given
from hypothesis import strategies as st
from make_vault import names

from tests.sources import ENABLED, SOURCES, rotate_catalogue

ROLE = Path(__file__).parents[2] / "roles/rotate"
CATALOGUE = rotate_catalogue()
USERS = "clickhouse/users.d/zakaz.xml"
NAMES = sorted(CATALOGUE)
# the password of each loader, with the files of those who log in with it
OF_LOADERS = {
    SOURCES[source]["clickhouse"]["rotates_as"]: [
        f"{source}.env",
        *(service["environment_file"] for service in SOURCES[source]["services"].values()),
    ]
    for source in ENABLED
}
# what preflight lets pass
SECRETS = st.text(string.printable[:94] + " ", min_size=1, max_size=20).filter(lambda text: text == text.strip())
CHOICES = st.dictionaries(st.sampled_from(NAMES), SECRETS, min_size=1)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def host(secrets: dict[str, str]) -> dict[str, str]:
    """Files as a deployment writes them."""
    users = {entry["user"]: secrets[name] for name, entry in CATALOGUE.items() if "user" in entry}
    hashes = {"default": digest("default" + users["admin"])} | {user: digest(word) for user, word in users.items()}
    tags = [
        f"        <{user}>\n<password remove='remove'/>\n  <password_sha256_hex>{word}</password_sha256_hex>\n</{user}>"
        for user, word in hashes.items()
    ]
    files: dict[str, dict[str, object]] = {}
    for name, entry in CATALOGUE.items():
        for path, key in entry.get("files", {}).items():
            files.setdefault(path, {"CLICKHOUSE_USER": "x", "deployment": "zakaz"})[key] = secrets[name]
    texts = {
        path: json.dumps({"clickhouse": pairs, "z": 1} if path == "watch.json" else pairs, indent=4, sort_keys=True)
        if path.endswith(".json")
        else "# made\n" + "".join(f"{key}={value}\n" for key, value in sorted(pairs.items()))
        for path, pairs in files.items()
    }
    return texts | {USERS: "<clickhouse>\n    <users>\n" + "\n".join(tags) + "\n    </users>\n</clickhouse>\n"}


def before() -> dict[str, str]:
    return {name: f"old-{name}" for name in NAMES}


@given(CHOICES)
def test_files_become_what_a_deployment_with_the_named_secrets_would_write(news):
    """Other secrets of the inventory may be anything: they are not looked at."""
    files = host(before())
    wanted = {name: f"not-asked-for-{name}" for name in NAMES} | news
    changed = with_secrets(files, CATALOGUE, wanted, sorted(news))
    assert files | changed == host(before() | news)
    assert set(changed) == {path for name in news for path in CATALOGUE[name].get("files", {})} | (
        {USERS} if any("user" in CATALOGUE[name] for name in news) else set()
    )


@given(CHOICES)
def test_what_differs_is_named_and_nothing_else(news):
    differing = {name for name, word in news.items() if word != before()[name]}
    verdicts = deployed_secrets(host(before()), CATALOGUE, before() | news)
    assert {name for name, verdict in verdicts.items() if verdict == "differs"} == differing
    assert set(verdicts) == set(NAMES)


@given(CHOICES)
def test_secrets_are_read_back(secrets):
    files = host(before() | secrets)
    for name, word in secrets.items():
        assert deployed_secret(files, CATALOGUE[name]) == (word if "files" in CATALOGUE[name] else "")


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name, files in OF_LOADERS.items() for path in (*files, USERS)]
)
def test_a_secret_that_one_of_its_files_has_otherwise_differs(name, path):
    files = host(before())
    files[path] = host(before() | {name: "another"})[path]
    assert deployed_secrets(files, CATALOGUE, before())[name] == "differs"


def test_the_user_whose_password_nobody_knows_changes_with_admin():
    files = host(before()) | with_secrets(host(before()), CATALOGUE, {"clickhouse_admin": "new"}, ["clickhouse_admin"])
    users = ElementTree.fromstring(files[USERS]).find("users")
    assert users.findtext("default/password_sha256_hex") == digest("defaultnew")
    assert users.findtext("admin/password_sha256_hex") == digest("new")
    assert users.findtext("bi_reader/password_sha256_hex") == digest("old-clickhouse_bi")


def test_a_file_that_is_not_there_holds_nothing():
    files = {path: text for path, text in host(before()).items() if path not in ("watch.json", USERS)}
    verdicts = deployed_secrets(files, CATALOGUE, before())
    assert "clickhouse_watch" not in verdicts
    assert "clickhouse_bi" not in verdicts
    assert [verdicts[name] for name in OF_LOADERS] == ["same"] * len(OF_LOADERS)
    with pytest.raises(AnsibleFilterError, match="No file of the host holds clickhouse_bi"):
        with_secrets(files, CATALOGUE, before(), ["clickhouse_bi"])


@pytest.mark.parametrize("name", OF_LOADERS)
def test_no_neighbour_is_taken_for_a_secret(name):
    """A user without a hash, and a variable whose name ends like another's."""
    files = host(before())
    for path in OF_LOADERS[name]:
        files[path] = f"OTHER_CLICKHOUSE_PASSWORD=x\nCLICKHOUSE_PASSWORD=old-{name}\n"
    assert deployed_secret(files, CATALOGUE[name]) == f"old-{name}"
    assert deployed_secrets(files, CATALOGUE, before())[name] == "same"
    files[USERS] = (
        "<users><bi_reader><no_password/></bi_reader><watch><password_sha256_hex>0</password_sha256_hex></watch></users>"
    )
    assert "clickhouse_bi" not in deployed_secrets(files, CATALOGUE, before())


def test_the_catalogue_names_what_the_templates_write():
    """Every variable of the Vault that a file of the host holds can be rotated; a Vault has those of every source."""
    rotated = {entry["variable"] for entry in rotate_catalogue(SOURCES).values()}
    assert {name.removeprefix("vault_") for name in names()} <= rotated


def test_signature_is_what_the_receiver_computes():
    assert webhook_signature('{"id": 0}', "secret") == "3dd4c8ab09bd1c70f3a7d02ee07627a61d32e32b"
