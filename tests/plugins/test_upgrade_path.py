"""A server goes from one LTS release to the next."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from filter.upgrade_path import older_release, upgrade_path


@pytest.mark.parametrize(
    ("running", "wanted", "between"),
    [
        ("24.8.14.39", "26.3.16.16", ["25.3", "25.8"]),
        ("24.8.14.39", "25.3.2.1", []),
        ("25.3.2.1", "25.8.1.1", []),
        ("26.3.9.1", "26.8.1.1", []),
        ("26.3.9.1", "26.9.2.1", ["26.8"]),
        ("26.3.9.1", "26.3.16.16", []),
        ("25.4.1.1", "25.8.1.1", []),
        ("25.12.1.1", "26.8.1.1", ["26.3"]),
        ("26.3.16.16", "24.8.1.1", []),
    ],
)
def test_lts_releases_between_are_named_in_order(running, wanted, between):
    assert upgrade_path(running, wanted) == between


def test_releases_compare_as_numbers():
    assert older_release("26.3.9.1", "26.12.1.1")
    assert not older_release("26.10.1.1", "26.9.1.1")
    assert not older_release("26.3.1.1", "26.3.9.1"), "an older patch of the same release reads the same data"


def test_what_is_no_version_is_said():
    with pytest.raises(AnsibleFilterError, match="'latest' is no version"):
        upgrade_path("26.3.1.1", "latest")
