"""Policy files of the tests, found by glob, and what is expected of them.

Beside each rejected policy stands what is drawn for it, and docs/verifier-compared.md quotes some of that.
`python -m tests.verifier.policy_cases` draws all of them anew, also there; the difference is what a change of messages means to authors, and is read before it is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from reclaim.diag.diagnostic import Diagnostic
from reclaim.diag.errors import PolicyRejected
from reclaim.diag.render import render_full
from reclaim.lang.frontend import compile_source
from verifier.verified import verify

FOLDER = Path(__file__).parent
COMPARED = Path(__file__).parents[2] / "docs" / "verifier-compared.md"
QUOTED = re.compile(r"^Here:\n\n```\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"# expect: (RP\d{4}) at (\d+):(\d+)(, no help)?\n")


@dataclass(frozen=True, slots=True)
class Expected:
    """Say what a rejected policy must be rejected for."""

    code: str
    line: int
    column: int
    has_help: bool


def policies(folder: str) -> list[Path]:
    """Return the policies of a folder of tests."""
    return sorted((FOLDER / folder).glob("*.rpol"))


def expected_of(path: Path) -> Expected:
    """Read the first line of a rejected policy."""
    found = _EXPECTED.match(path.read_text(encoding="utf-8"))
    assert found is not None, f"{path}: the first line says what to expect"
    return Expected(found[1], int(found[2]), int(found[3]), found[4] is None)


def findings(source: str, name: str = "case.rpol") -> tuple[Diagnostic, ...]:
    """Return everything that front end and verifier find wrong."""
    try:
        return tuple(d for d in verify(compile_source(source, name)).diagnostics if d.severity == "error")
    except PolicyRejected as rejected:
        return rejected.diagnostics


def warnings(source: str, name: str = "case.rpol") -> tuple[Diagnostic, ...]:
    """Return what is found in an accepted policy."""
    verdict = verify(compile_source(source, name))
    assert verdict.accepted
    return verdict.diagnostics


def drawing(path: Path) -> str:
    """Return what an author sees for a policy, without colours."""
    source = path.read_text(encoding="utf-8")
    return render_full(findings(source, path.name), path.name, source, colour=False)


def drawing_file(path: Path) -> Path:
    """Return where the drawing of a rejected policy is kept."""
    return path.with_suffix(".txt")


def quoted_anew(page: str) -> str:
    """Return the comparison with Linux's verifier with the drawings that it quotes as they are recorded now."""

    def drawn(found: re.Match[str]) -> str:
        case = re.search(r"--> (\w+)\.rpol:", found[1])
        assert case is not None, found[1]
        text = drawing_file(FOLDER / "rejected" / f"{case[1]}.rpol").read_text(encoding="utf-8")
        return f"Here:\n\n```\n{text}```"

    return QUOTED.sub(drawn, page)


if __name__ == "__main__":
    for case in policies("rejected"):
        drawing_file(case).write_text(drawing(case), encoding="utf-8")
    COMPARED.write_text(quoted_anew(COMPARED.read_text(encoding="utf-8")), encoding="utf-8")
