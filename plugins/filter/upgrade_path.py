"""Which releases an upgrade of a ClickHouse server goes through."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: upgrade_path
short_description: List the LTS releases between two versions of the ClickHouse server
description:
  - A server is upgraded from one LTS release to the next, never past one. LTS releases are those of March and August,
    numbered C(year.3) and C(year.8).
  - Returns the LTS releases strictly between the two versions, in order; an empty list means the upgrade is one step.
options:
  _input:
    description: Version that runs.
    type: str
    required: true
  wanted:
    description: Version to upgrade to.
    type: str
    required: true
"""

# https://aiven.io/docs/products/clickhouse/reference/version-lifecycle: upstream makes one in March and one in August
LTS_MONTHS = (3, 8)


def release(version: str) -> tuple[int, int]:
    """Year and number of a version: ``26.3.16.16`` → (26, 3).

    :raises AnsibleFilterError: the text is no version.
    """
    try:
        year, month = str(version).removeprefix("v").split(".")[:2]
        return int(year), int(month)
    except ValueError as error:
        raise AnsibleFilterError(f"{version!r} is no version of ClickHouse; expected one such as 26.3.16.16") from error


def upgrade_path(running: str, wanted: str) -> list[str]:
    """LTS releases that lie between two versions; none of them may be skipped."""
    start, end = release(running), release(wanted)
    between = [(year, month) for year in range(start[0], end[0] + 1) for month in LTS_MONTHS]
    return [f"{year}.{month}" for year, month in between if start < (year, month) < end]


def older_release(wanted: str, running: str) -> bool:
    """Whether a version is of an older release than the one that runs."""
    return release(wanted) < release(running)


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"upgrade_path": upgrade_path, "older_release": older_release}
