"""What pyproject.toml cannot say: the native core, and data that lives outside the packages.

`policies/` and `examples/` stand at the top of the tree, where people look; an installed package
carries copies of them in `reclaim/_data/`, where `reclaim.engine.shipped` finds them.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
DATA = {
    "policies/*.rpol": "policies",
    "examples/traces/*.rtrace.zst": "traces",
    "examples/scenarios/*.toml": "scenarios",
}


def _data_files() -> dict[str, Path]:
    """Map each file that ships to its place below `reclaim/_data/`."""
    return {
        f"{target}/{path.name}": path.relative_to(ROOT)
        for pattern, target in DATA.items()
        for path in sorted(ROOT.glob(pattern))
    }


class BuildWithData(build_py):  # type: ignore[misc]  # setuptools has no types
    """Copy the data beside the modules."""

    def run(self) -> None:
        """Build the modules, then copy the data; an editable install reads the checkout instead."""
        super().run()
        if not self.editable_mode:
            for target, source in _data_files().items():
                destination = Path(self.build_lib, "reclaim", "_data", target)
                self.mkpath(str(destination.parent))
                self.copy_file(str(source), str(destination))

    def get_source_files(self) -> list[str]:
        """Name the data too, so that source distributions hold it."""
        headers = (ROOT / "reclaim" / "core").glob("*.*")
        return [
            *super().get_source_files(),
            *map(str, _data_files().values()),
            *(str(path.relative_to(ROOT)) for path in sorted(headers)),
        ]


setup(
    cffi_modules=["reclaim/engine/build_native.py:ffi"],
    cmdclass={"build_py": BuildWithData},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
