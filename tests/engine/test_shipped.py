"""What comes with the package is found, in a checkout and in an installed wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine.shipped import find_policy, shipped_policies, shipped_scenarios

ROOT = Path(__file__).parents[2]

_OUTSIDE = """
import reclaim, pathlib
from reclaim.engine import Machine
from reclaim.engine.shipped import shipped_policies, shipped_scenarios
from reclaim.workload import shipped, synth
assert not pathlib.Path(reclaim.__file__).is_relative_to({root!r}), reclaim.__file__
machine = Machine(memory_max="1M", swap="zram:4M")
machine.attach("mglru")
machine.add_task(synth("zipf:pages=1K,accesses=10K"))
print(machine.run().accesses, *shipped_policies(), *shipped_scenarios(), *(path.name for path in shipped()))
"""


def test_built_in_policies_are_found() -> None:
    """The five of the first release are there by name."""
    assert {"fifo", "second_chance", "s3fifo", "trad", "mglru"} <= set(shipped_policies())


def test_policy_by_path_that_is_missing_is_refused() -> None:
    """A path is a path, not a name to guess at."""
    with pytest.raises(ConfigError, match=r"no/such.rpol'?: no such file"):
        find_policy("no/such.rpol")


@pytest.mark.slow
def test_installed_wheel_works_outside_the_checkout(tmp_path: Path) -> None:
    """A wheel holds the core, the policies, the scenarios and the traces."""
    wheels, target = tmp_path / "wheels", tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT)]
    subprocess.run(build, check=True, cwd=tmp_path)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)

    program = f"import sys; sys.path.insert(0, {str(target)!r})\n{_OUTSIDE.format(root=str(ROOT))}"
    run = subprocess.run(
        [sys.executable, "-P", "-c", program], check=True, cwd=tmp_path, capture_output=True, text=True
    )

    traces = [path.name for path in (ROOT / "examples" / "traces").glob("*.rtrace.zst")]
    assert set(run.stdout.split()) == {"10000", *shipped_policies(), *shipped_scenarios(), *traces}
    assert "abi3" in wheel.name
