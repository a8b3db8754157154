"""The text of a module: what it promises LLVM, what it keeps out, that it is a function of the IR."""

from __future__ import annotations

import random
import re

import pytest

from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import INT_KINDS
from reclaim.diag.errors import CoreFault
from reclaim.jit import native
from reclaim.jit.llvm_module import write_module
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.ir import BinaryOp, Scope
from tests.fakes.ir_builder import HookBuilder, two_operand_policy
from tests.fakes.ir_programs import ProgramWriter


@pytest.mark.parametrize("op", list(BinaryOp))
def test_arithmetic_promises_nothing_to_the_compiler(op: BinaryOp) -> None:
    """Operations wrap; no flag makes a wrapped result undefined."""
    text = write_module(two_operand_policy(op, signed=True)).text
    assert not re.search(r"\b(nsw|nuw|exact|inbounds|disjoint|nneg|undef|poison)\b", text)


def test_same_policy_gives_the_same_text() -> None:
    """The object follows from the policy's meaning and from nothing else."""
    texts = {write_module(ProgramWriter(random.Random(5)).program(20)).text for _ in range(2)}
    assert len(texts) == 1


@pytest.mark.parametrize("name", HOOKS)
def test_function_of_a_hook_has_no_name_that_c_knows(name: str) -> None:
    """LLVM believes that it knows what a function called `exit` does."""
    assert hook_symbol(name) == f"hook_{name}"


def test_names_of_the_author_stay_out() -> None:
    """Nothing of the source text gets into the module."""
    builder = HookBuilder()
    leaf = builder.leaf("counter", INT_KINDS["u64"], Scope.LRUVEC)
    builder.give(builder.load(leaf, handle=builder.params[0]))
    assert "counter" not in write_module(builder.policy()).text


def test_hot_hook_is_a_handful_of_instructions() -> None:
    """A saturating per-folio counter costs what a C programmer would write: one load, one store."""
    builder = HookBuilder("folio_accessed")
    uses = builder.leaf("uses", INT_KINDS["u8"], Scope.FOLIO)
    once_more = builder.binary(BinaryOp.ADD, builder.load(uses, handle=builder.params[1]), builder.const(1))
    kept = builder.binary(BinaryOp.MIN, once_more, builder.const(3))
    builder.store(uses, kept, handle=builder.params[1])
    builder.give(builder.const(0))
    assembly = native.emit_assembly(write_module(builder.policy()).text)
    code = [line for line in assembly.splitlines() if re.match(r"\t[a-z]", line)]
    assert len(code) <= 14


def test_text_that_does_not_parse_is_reported_as_ours() -> None:
    """LLVM's complaint becomes an error of our own hierarchy."""
    with pytest.raises(CoreFault, match="our bug"):
        native.emit_object("define nothing")


def test_missing_helper_is_named_before_linking() -> None:
    """LLVM would print to the terminal and go on."""
    image = native.emit_object("declare i64 @h_x()\ndefine i64 @f() { %a = call i64 @h_x() ret i64 %a }")
    with pytest.raises(CoreFault, match="h_x"):
        native.link(image, ["f"], {"h_x": 0})


def test_object_that_is_none_is_refused() -> None:
    """A damaged object is an error, not a crash."""
    with pytest.raises(CoreFault, match="cannot be linked"):
        native.link(b"not an object", ["f"], {})
