"""Docker: ClickHouse's backup folder read and filled from outside, and a throw-away ClickHouse without a network."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

from zakaz_clickhouse.connection import Connection
from zakaz_clickhouse.failures import ClickHouseFailure, Meaning, Unreachable, engine_failure
from zakaz_clickhouse.patience import patiently

from .failures import UnavailableFailure
from .processes import ProgramFailure, output_of, run
from .settings import Settings

BACKUPS = "/backups"
DATA = "/var/lib/clickhouse"
_USER = "drill"


class BackupFolder(Protocol):
    """The folder in which an engine keeps the files of BACKUP … TO File(…)."""

    def prepare(self) -> None:
        """Make sure that the engine may write there."""
        ...

    def export(self, name: str) -> Any:
        """Context manager: a tar stream of the subfolder of that name."""
        ...

    def place(self, stream: IO[bytes]) -> None:
        """Unpack a tar stream there."""
        ...

    def remove(self, name: str) -> None:
        """Delete a subfolder; one that is not there is no failure."""
        ...


class ContainerFolder:
    """The backup folder of a running container: Docker copies, so its files need not be readable by us."""

    def __init__(self, container: str) -> None:
        self._container = container

    def prepare(self) -> None:
        """See :class:`BackupFolder`. A new volume may belong to root where the image has no such folder."""
        try:
            run(["docker", "exec", self._container, "test", "-w", BACKUPS])
        except ProgramFailure:
            volumes = ["--volumes-from", self._container, "--user", "0:0", "--cap-drop", "ALL", "--cap-add", "CHOWN"]
            image = run(["docker", "inspect", "--format", "{{.Config.Image}}", self._container]).strip()
            run(["docker", "run", "--rm", "--network", "none", *volumes, "--entrypoint", "chown", image, "101:101", BACKUPS])  # fmt: skip # noqa: E501

    def export(self, name: str) -> Any:
        """See :class:`BackupFolder`."""
        return output_of(["docker", "cp", f"{self._container}:{BACKUPS}/{name}", "-"])

    def place(self, stream: IO[bytes]) -> None:
        """See :class:`BackupFolder`. Docker keeps the owner that the archive names: ClickHouse's user."""
        run(["docker", "cp", "-", f"{self._container}:{BACKUPS}/"], stdin=stream)

    def remove(self, name: str) -> None:
        """See :class:`BackupFolder`."""
        run(["docker", "exec", self._container, "rm", "-rf", "--", f"{BACKUPS}/{name}"])


class ExecConnection:
    """ClickHouse in a container without a network, through the client inside it.

    It is a :class:`zakaz_clickhouse.connection.Connection`.
    """

    def __init__(self, container: str, user: str, password: str) -> None:
        self._container = container
        self._user = user
        # the name alone on the command line; the value in the environment of the docker command
        self._env = os.environ | {"CLICKHOUSE_PASSWORD": password}

    def execute(self, sql: str, settings: Mapping[str, Any] | None = None) -> str:
        """Run one statement and return the text of its answer."""
        options = [f"--{name}={value}" for name, value in (settings or {}).items()]
        command = ["docker", "exec", "--interactive", "--env", "CLICKHOUSE_PASSWORD", self._container]
        command += ["clickhouse", "client", "--user", self._user, *options]
        done = subprocess.run(command, input=sql.encode(), capture_output=True, env=self._env, check=False)
        if done.returncode:
            words = (done.stderr or done.stdout).decode("utf-8", "replace")
            failure = engine_failure(words or f"exit code {done.returncode}")
            if failure.meaning is Meaning.SILENT or not failure.code:
                raise Unreachable(f"ClickHouse does not answer in {self._container}: {failure.text[-300:]}")
            raise failure
        return done.stdout.decode("utf-8", "replace")


def image_of(container: str) -> str:
    """The image a container runs.

    :raises UnavailableFailure: there is no such container.
    """
    try:
        return run(["docker", "inspect", "--format", "{{.Config.Image}}", container]).strip()
    except ProgramFailure as failure:
        raise UnavailableFailure(
            f"The container {container} is not there ({failure.words}); run make deploy."
        ) from None


def remove_leftovers(project: str) -> None:
    """Remove the throw-away containers of an interrupted run."""
    for container in run(["docker", "ps", "--all", "--quiet", "--filter", f"label=zakaz.drill={project}"]).split():
        run(["docker", "rm", "--force", "--volumes", container])


@contextmanager
def throwaway(settings: Settings, image: str, config_dir: Path) -> Iterator[tuple[Connection, BackupFolder]]:
    """Start an empty ClickHouse of an image with a copy of the configuration; yield a connection and its backup folder.

    It has no network, a read-only root and no more memory than ``drill_memory``.

    :param config_dir: folder with config.d and users.d, as ClickHouse's own.
    :raises UnavailableFailure: it does not come up; the sentence holds its last words.
    """
    name = f"{settings.project}-drill-{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="zakaz-drill-") as scratch:
        users = Path(scratch, "drill.xml")
        users.write_text(_users(password), encoding="utf-8")
        users.chmod(0o644)
        Path(scratch).chmod(0o755)
        mounts = [f"{users}:/etc/clickhouse-server/users.d/zz-drill.xml:ro", DATA, BACKUPS]
        for part in ("config.d", "users.d"):
            mounts += [
                f"{file}:/etc/clickhouse-server/{part}/{file.name}:ro" for file in (config_dir / part).glob("*.xml")
            ]
        command = ["docker", "run", "--detach", "--name", name, "--network", "none", "--user", "101:101"]
        command += ["--label", f"zakaz.deployment={settings.project}", "--label", f"zakaz.drill={settings.project}"]
        command += ["--read-only", "--tmpfs", "/tmp", "--tmpfs", "/var/log/clickhouse-server", "--cap-drop", "ALL"]  # noqa: S108
        command += ["--security-opt", "no-new-privileges:true", "--memory", settings.drill_memory, "--pull", "never"]
        command += ["--env", "CLICKHOUSE_SKIP_USER_SETUP=1", "--env", "TZ=Europe/Moscow"]
        try:
            run([*command, *(f"--volume={mount}" for mount in mounts), image])
            connection = ExecConnection(name, _USER, password)
            _wait(connection, name, settings.start_timeout)
            yield connection, ContainerFolder(name)
        finally:
            with suppress(ProgramFailure):
                run(["docker", "rm", "--force", "--volumes", name])


def _users(password: str) -> str:
    digest = hashlib.sha256(password.encode()).hexdigest()
    return (
        f"<clickhouse><users><{_USER}><password_sha256_hex>{digest}</password_sha256_hex><networks><ip>127.0.0.1</ip>"
        f"</networks><profile>default</profile><quota>default</quota><access_management>1</access_management></{_USER}>"
        "</users></clickhouse>"
    )


def _wait(connection: Connection, name: str, timeout: int) -> None:
    def runs(failure: ClickHouseFailure) -> bool:
        return run(["docker", "inspect", "--format", "{{.State.Running}}", name]).strip() == "true"

    try:
        patiently(lambda: connection.execute("SELECT 1"), timeout, passing=runs, most=0.5)
    except ClickHouseFailure as failure:
        log = subprocess.run(["docker", "logs", "--tail", "3", name], capture_output=True, check=False)
        words = (log.stdout + log.stderr).decode("utf-8", "replace").strip()[-500:] or str(failure)
        raise UnavailableFailure(f"The throw-away ClickHouse does not come up. Its last words: {words}") from None
