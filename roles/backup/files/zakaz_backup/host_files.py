"""What a deployment keeps outside the database: ClickHouse's configuration, commands, units, and loaders' state.

Files with secrets (``*.env``, tokens) go into encrypted backups only.
"""

from __future__ import annotations

import fnmatch
import io
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .processes import ProgramFailure, output_of, run
from .settings import Settings

_UNITS = Path("/etc/systemd/system")
_SECRET = ("*.env", "*token*", "*secret*", "*.key", "*password*")
_STATE = "/state"


def _secret(name: str) -> bool:
    return any(fnmatch.fnmatch(Path(name).name.lower(), pattern) for pattern in _SECRET)


def _files(settings: Settings) -> Iterator[tuple[Path, str]]:
    found = [(path, f"config/{path.relative_to(settings.config_dir)}") for path in settings.config_dir.rglob("*")]
    found += [(path, f"files/{path.name}") for path in settings.zakaz_dir.glob("*.env")]
    found += [(path, f"files/{path.name}") for path in settings.zakaz_dir.glob(f"{settings.project}-*")]
    # by what they start: another deployment's name may begin with ours
    for path in _UNITS.glob(f"{settings.project}-*"):
        if path.is_file() and (
            path.suffix == ".timer" or str(settings.zakaz_dir) in path.read_text("utf-8", "replace")
        ):
            found.append((path, f"units/{path.name}"))
    for path, name in sorted(found):
        if path.is_file() and (settings.encrypted or not _secret(name)):
            yield path, name


def write(settings: Settings, image: str, target: IO[bytes]) -> None:
    """Write a tar archive of the host's files and of the loaders' state volumes.

    :param image: any image of this host; a container of it is made, never started, to look into the volumes.
    """
    with tarfile.open(fileobj=target, mode="w|") as archive:
        for path, name in _files(settings):
            archive.add(path, name, recursive=False)
        for loader, volume in sorted(settings.state_volumes.items()):
            if not _exists(volume):
                continue
            for member, content in _content(volume, image):
                if settings.encrypted or not _secret(member.name):
                    member.name = f"state/{loader}/{member.name.removeprefix('./')}"
                    archive.addfile(member, io.BytesIO(content))


def put_state(settings: Settings, image: str, source: IO[bytes]) -> list[str]:
    """Give loaders whose state volume is empty or missing the state of a backup.

    :param source: tar archive made by :func:`write`.
    :returns: the loaders that got theirs.
    """
    states: dict[str, list[tuple[tarfile.TarInfo, bytes]]] = {}
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for member in archive:
            kind, _, rest = member.name.partition("/")
            loader, _, name = rest.partition("/")
            file = archive.extractfile(member)
            if kind == "state" and loader in settings.state_volumes and file:
                member.name = name
                states.setdefault(loader, []).append((member, file.read()))
    put = []
    for loader, members in sorted(states.items()):
        volume = settings.state_volumes[loader]
        # a lock is no state: who restores holds the loaders by it
        if _exists(volume) and any(not member.name.endswith(".lock") for member, _ in _content(volume, image)):
            continue
        run(["docker", "volume", "create", "--label", f"zakaz.deployment={settings.project}", volume])
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                # a new volume is root's, and stays so once there is something in it; Docker sets the owner of a folder
                # with a name, not that of the one it copies to
                name = _STATE.removeprefix("/")
                folder = tarfile.TarInfo(name)
                folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                folder.uid, folder.gid = members[0][0].uid, members[0][0].gid
                archive.addfile(folder)
                for member, content in members:
                    member.name = f"{name}/{member.name}"
                    archive.addfile(member, io.BytesIO(content))
            packed.seek(0)
            with _holding(volume, image) as container:
                run(["docker", "cp", "-", f"{container}:/"], stdin=packed)
        put.append(loader)
    return put


def _exists(volume: str) -> bool:
    try:
        run(["docker", "volume", "inspect", volume])
    except ProgramFailure:
        return False
    return True


@contextmanager
def _holding(volume: str, image: str) -> Iterator[str]:
    """A container that holds the volume and never runs: Docker copies from it and to it."""
    container = run(["docker", "create", "--network", "none", "--volume", f"{volume}:{_STATE}", image]).strip()
    try:
        yield container
    finally:
        run(["docker", "rm", "--volumes", container])


def _content(volume: str, image: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Files of a volume; a loader's state is a handful of small ones."""
    with _holding(volume, image) as container, output_of(["docker", "cp", f"{container}:{_STATE}/.", "-"]) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member)
                if member.isfile() and file:
                    yield member, file.read()
        # the archive's padding: a pipe closed early would look like a failure
        while stream.read(1 << 16):
            pass
