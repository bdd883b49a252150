"""Pack Python packages into one reproducible archive that Python imports from or runs."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: zipapp
short_description: Pack Python packages into one archive that Python imports from or runs
description:
  - Packs packages and modules, sorted and with constant times, into a zip archive. The same content always gives the
    same bytes, so writing it to a host is idempotent.
options:
  _terms:
    description: Folders of packages and files of modules, relative to O(root); each is imported by its own name.
    required: true
  root:
    description: Folder the paths are relative to.
    type: path
    required: true
  run:
    description: Package that the archive runs, as C(python -m) does; without it, the archive is to be imported from.
    type: str
"""

RETURN = """
_raw:
  description: The archive, base64, as M(write_files) takes it.
  type: list
  elements: str
"""

_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(parts: list[Path], run: str | None = None) -> bytes:
    """Return a zip archive of Python modules that depends on their names and contents only.

    :param parts: folders of packages and files of modules
    :param run: name of the package whose ``__main__`` is run, if any is
    :raises FileNotFoundError: a part holds no modules
    """
    files = {}
    if run:
        start = f"import runpy\n\nrunpy.run_module({run!r}, run_name='__main__', alter_sys=True)\n"
        files["__main__.py"] = start.encode()
    for part in parts:
        modules = [part] if part.is_file() else sorted(part.rglob("*.py"))
        if not modules:
            raise FileNotFoundError(f"{part} holds no Python modules")
        files |= {str(module.relative_to(part.parent)): module.read_bytes() for module in modules}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        root = Path(self.get_option("root"))
        try:
            return [base64.b64encode(pack([root / str(term) for term in terms], self.get_option("run"))).decode()]
        except OSError as error:
            raise AnsibleLookupError(str(error)) from error
