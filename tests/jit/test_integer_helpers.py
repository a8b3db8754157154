"""The core's integer functions mean what the language says they mean."""

from __future__ import annotations

import ctypes

from hypothesis import example, given
from hypothesis import strategies as st

from reclaim.abi.kinds import U64_MAX
from reclaim.engine.binding import helper_symbols
from reclaim.lang import arithmetic

_WORD = ctypes.c_uint64
_SYMBOLS = helper_symbols()
_words = st.one_of(
    st.integers(0, U64_MAX), st.integers(0, 63).map(lambda bit: 1 << bit), st.integers(0, 1000)
)
_positive = _words.map(lambda word: max(word, 1))


def _native(name: str, *args: int) -> int:
    """Call a helper; the integer functions never look at their context."""
    function = ctypes.CFUNCTYPE(_WORD, *[_WORD] * (1 + len(args)))(_SYMBOLS[name])
    return int(function(0, *args))


@given(x=_words)
@example(x=U64_MAX)
@example(x=(2**32 - 1) ** 2)
@example(x=(2**32 - 1) ** 2 - 1)
def test_isqrt_rounds_down(x: int) -> None:
    """Also where floating point would round up."""
    assert _native("h_isqrt", x) == arithmetic.isqrt(x)


@given(x=_positive)
def test_ilog2_is_the_highest_bit(x: int) -> None:
    """From 1 on."""
    assert _native("h_ilog2", x) == arithmetic.ilog2(x)


@given(a=_words, b=_words, c=_positive)
@example(a=U64_MAX, b=U64_MAX, c=1)
@example(a=U64_MAX, b=U64_MAX, c=U64_MAX)
def test_mul_div_has_128_bits_inside(a: int, b: int, c: int) -> None:
    """And saturates where the quotient does not fit."""
    assert _native("h_mul_div", a, b, c) == arithmetic.mul_div(a, b, c)
