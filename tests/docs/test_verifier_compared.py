"""What the comparison with Linux's verifier quotes of ours is what ours says."""

from __future__ import annotations

from tests.verifier.policy_cases import COMPARED, QUOTED, quoted_anew


def test_quoted_drawings_are_those_beside_the_policies() -> None:
    """Each quotation is the whole of what an author sees (see `policy_cases`)."""
    page = COMPARED.read_text(encoding="utf-8")
    assert quoted_anew(page) == page


def test_twenty_mistakes_are_compared() -> None:
    """The page keeps what its first line promises."""
    assert len(QUOTED.findall(COMPARED.read_text(encoding="utf-8"))) == 20
