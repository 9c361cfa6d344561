"""Where a job's code is, and how it reaches the workers.

Workers run a small launcher that imports the job: so a job's module is written like any other, with imports of its own
package. On this machine they import from the same folders; elsewhere they get a zip of this package and of the
package that the job is in. What these need from others (``msgspec``, say) has to be installed there.
"""

from __future__ import annotations

import importlib.util
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

from agentpool_jupyter.errors import UserError

_OURS = __name__.partition(".")[0]
_LAUNCHER = '''\
"""Runs one task of a job."""

from {module} import {name}

if __name__ == "__main__":
    {name}.run()
'''


@dataclass(frozen=True)
class JobCode:
    """The code of one job."""

    module: str
    name: str
    """The job's class."""
    tops: tuple[Path, ...]
    """Folders of packages, and files of modules, that workers import."""

    @property
    def roots(self) -> list[str]:
        """The folders to import from, without those that Python knows by itself."""
        known = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")}
        return [str(root) for root in dict.fromkeys(top.parent for top in self.tops) if root not in known]

    def write_launcher(self, folder: Path) -> Path:
        """Write the script that workers run, and return it."""
        path = folder / "agentpool_job.py"
        path.write_text(_LAUNCHER.format(module=self.module, name=self.name), encoding="utf-8")
        return path

    def write_zip(self, folder: Path) -> Path:
        """Write a zip file that the code can be imported from, and return it."""
        path = folder / "agentpool_code.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for top in self.tops:
                for file in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
                    archive.write(file, file.relative_to(top.parent))
        return path


def find(job: str) -> JobCode:
    """Return the code of ``module:Class``, importing nothing of it; raises UserError for a module that is not there."""
    module, colon, name = job.partition(":")
    if not (colon and name.isidentifier()):
        message = f"{job!r} does not name a job: write module:Class"
        raise UserError(message)
    tops = (_top(_OURS), _top(module.partition(".")[0]))
    return JobCode(module, name, tuple(dict.fromkeys(tops)))


def _top(package: str) -> Path:
    spec = None if package == "__main__" else importlib.util.find_spec(package)
    if spec is None:
        message = f"no module {package!r} here: a job stands in a file that can be imported, not in a notebook"
        raise UserError(message)
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).absolute()
    if spec.origin is None or not spec.has_location:
        message = f"the module {package!r} has no file that workers could import"
        raise UserError(message)
    return Path(spec.origin).absolute()
