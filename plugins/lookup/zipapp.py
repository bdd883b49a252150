"""Pack Python packages into one reproducible file that Python runs."""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from pathlib import Path

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: zipapp
short_description: Pack Python packages into one file that Python runs
description:
  - Packs the packages, sorted and with constant times, and a C(__main__) that runs one of them, into a zip archive on
    the controller. The same content always gives the same bytes, so copying it to a host is idempotent.
options:
  _terms:
    description: Folders of the packages, relative to O(root).
    required: true
  root:
    description: Folder the paths are relative to.
    type: path
    required: true
  run:
    description: Package to run, as C(python -m) does.
    type: str
    required: true
  archives:
    description: Folder on the controller that receives the archive; made when missing.
    type: path
    required: true
"""

RETURN = """
_raw:
  description: Path of the archive on the controller.
  type: list
  elements: path
"""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(packages: list[Path], run: str) -> bytes:
    """Return a zip archive of the packages' modules that depends on their names and contents only.

    :param packages: folders, each an importable package
    :param run: name of the package whose ``__main__`` is run
    :raises FileNotFoundError: a folder holds no modules
    """
    files = {
        "__main__.py": f"import runpy\n\nrunpy.run_module({run!r}, run_name='__main__', alter_sys=True)\n".encode()
    }
    for package in packages:
        modules = sorted(package.rglob("*.py"))
        if not modules:
            raise FileNotFoundError(f"{package} holds no Python modules")
        files |= {str(module.relative_to(package.parent)): module.read_bytes() for module in modules}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        root, archives = Path(self.get_option("root")), Path(self.get_option("archives"))
        run = self.get_option("run")
        try:
            content = pack([root / str(term) for term in terms], run)
            archive = archives / f"{run}-{hashlib.sha256(content).hexdigest()[:12]}.pyz"
            if not archive.exists():
                archives.mkdir(parents=True, exist_ok=True, mode=0o700)
                # several hosts may pack the same packages at once
                with tempfile.NamedTemporaryFile(dir=archives, delete=False) as partial:
                    partial.write(content)
                Path(partial.name).replace(archive)
        except OSError as error:
            raise AnsibleLookupError(str(error)) from error
        return [str(archive)]
