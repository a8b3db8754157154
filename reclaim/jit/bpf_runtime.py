"""What an eBPF object holds beside the hooks: helpers over maps, integer functions, entry programs.

Every helper is a global function of its own name, which Linux verifies by itself, for all arguments:
whoever has the real thing can put it in its place (BPF_PROG_TYPE_EXT). Here it asks the tape.

The integer functions are computed as `reclaim.lang.arithmetic` says. LLVM has no 128-bit division for
eBPF and Linux no library, so both are written out bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from reclaim.abi.cheader import helper_c_params
from reclaim.abi.helpers import HELPERS, SCAN_HELPERS
from reclaim.abi.kinds import Hook
from reclaim.abi.layout import LIST_SIZES, slots
from reclaim.jit.bpf_debug_info import DebugInfo
from reclaim.jit.bpf_instructions import LOOKUP, control_word
from reclaim.jit.bpf_layout import (
    CONTEXT_ARGUMENTS,
    ENTRY,
    FAULT_TAPE,
    FAULT_TAPE_END,
    HELPER_NUMBERS,
    NESTED_ARGUMENTS,
    NR_ARGUMENTS,
    NR_NESTED,
    NR_PASSED,
    NR_WRITES,
    WRITE_TARGETS,
    nr_lists,
    object_map,
)
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.ir import PolicyIR

_NESTED_HOOK = "pte_young"

_ISQRT = f"""
entry:
  %zero = load i64, ptr {control_word("zero")}, align 8
  br label %round
round:
  %x = phi i64 [ %a0, %entry ], [ %x.next, %round ]
  %root = phi i64 [ %zero, %entry ], [ %root.next, %round ]
  %bit = phi i64 [ 4611686018427387904, %entry ], [ %bit.next, %round ]
  %try = add i64 %root, %bit
  %fits = icmp uge i64 %x, %try
  %rest = sub i64 %x, %try
  %x.next = select i1 %fits, i64 %rest, i64 %x
  %half = lshr i64 %root, 1
  %more = add i64 %half, %bit
  %root.next = select i1 %fits, i64 %more, i64 %half
  %bit.next = lshr i64 %bit, 2
  %is.last = icmp eq i64 %bit.next, 0
  br i1 %is.last, label %end, label %round
end:
  ret i64 %root.next
"""
"""One bit of the root per round, from the highest: 32 rounds. The root starts as a 0 that Linux does not
know, or it would follow all 2**32 ways through them."""

_MUL_DIV = """
entry:
  %a.low = and i64 %a0, 4294967295
  %a.high = lshr i64 %a0, 32
  %b.low = and i64 %a1, 4294967295
  %b.high = lshr i64 %a1, 32
  %ll = mul i64 %a.low, %b.low
  %lh = mul i64 %a.low, %b.high
  %hl = mul i64 %a.high, %b.low
  %hh = mul i64 %a.high, %b.high
  %ll.high = lshr i64 %ll, 32
  %lh.low = and i64 %lh, 4294967295
  %hl.low = and i64 %hl, 4294967295
  %middle1 = add i64 %ll.high, %lh.low
  %middle = add i64 %middle1, %hl.low
  %middle.high = lshr i64 %middle, 32
  %lh.high = lshr i64 %lh, 32
  %hl.high = lshr i64 %hl, 32
  %high1 = add i64 %hh, %lh.high
  %high2 = add i64 %high1, %hl.high
  %high = add i64 %high2, %middle.high
  %low = mul i64 %a0, %a1
  %overflows = icmp uge i64 %high, %a2
  br i1 %overflows, label %too.large, label %round
too.large:
  ret i64 -1
round:
  %n = phi i64 [ 0, %entry ], [ %n.next, %round ]
  %rest = phi i64 [ %high, %entry ], [ %rest.next, %round ]
  %bits = phi i64 [ %low, %entry ], [ %bits.next, %round ]
  %carry = icmp slt i64 %rest, 0
  %top = lshr i64 %bits, 63
  %doubled = shl i64 %rest, 1
  %rest.wide = or i64 %doubled, %top
  %not.below = icmp uge i64 %rest.wide, %a2
  %fits = or i1 %carry, %not.below
  %reduced = sub i64 %rest.wide, %a2
  %rest.next = select i1 %fits, i64 %reduced, i64 %rest.wide
  %shifted = shl i64 %bits, 1
  %one = zext i1 %fits to i64
  %bits.next = or i64 %shifted, %one
  %n.next = add i64 %n, 1
  %is.last = icmp eq i64 %n.next, 64
  br i1 %is.last, label %end, label %round
end:
  ret i64 %bits.next
"""
"""The 128-bit product in four parts, then one bit of the quotient per round; it moves into the low half
as the product moves out."""

INTEGER_FUNCTIONS = {"isqrt": (_ISQRT, 1), "mul_div": (_MUL_DIV, 3)}
"""Body and number of arguments."""


class Runtime:
    """Write the functions of a module that no hook is.

    Args:
        policy: the policy.
        debug: numbers the debug nodes of the whole module.
    """

    def __init__(self, policy: PolicyIR, debug: DebugInfo) -> None:
        self._policy = policy
        self._debug = debug

    def functions(self, helpers: set[str]) -> list[str]:
        """Return the helpers of these C names, and what they stand on."""
        asked = sorted(helpers - set(INTEGER_FUNCTIONS))
        lines = [
            self._function(f"h_{name}", *INTEGER_FUNCTIONS[name])
            for name in sorted(helpers & set(INTEGER_FUNCTIONS))
        ]
        if asked:
            lines += [self._function("apply", self._apply(), 4), self._function("core_call", _core_call(), 1)]
        return lines + [
            self._function(f"h_{name}", self._helper(name), _nr_arguments(name)) for name in asked
        ]

    def entry(self, hook: Hook) -> str:
        """Return the program through which a hook is entered: arguments and answer lie in its context."""
        name = f"enter_{hook.name}"
        words = self._debug.array(self._debug.u64, 8, CONTEXT_ARGUMENTS + 1)
        context = self._debug.pointer(self._debug.struct("hook_call", 40, [("words", words, 0, 40)]))
        function = self._debug.function(name, self._debug.s32, [("ctx", context)], None)
        lines = []
        for number in range(len(hook.params)):
            lines.append(f"%p{number} = getelementptr i8, ptr %ctx, i64 {8 * number}")
            lines.append(f"%a{number} = load i64, ptr %p{number}, align 8")
        passed = ", ".join(f"i64 %a{number}" for number in range(len(hook.params)))
        lines.append(f"%answer = call i64 @{hook_symbol(hook.name)}({passed})")
        lines.append(f"%place = getelementptr i8, ptr %ctx, i64 {8 * CONTEXT_ARGUMENTS}")
        lines += ["store i64 %answer, ptr %place, align 8", "ret i32 0"]
        location = self._debug.location(function, None)
        body = "\n".join(f"  {line}, {location}" for line in lines)
        return f'define i32 @{name}(ptr %ctx) nounwind section "syscall" !dbg {function} {{\n{body}\n}}\n'

    def _function(self, name: str, body: str, nr_params: int) -> str:
        """Return a global function of words, every instruction of it standing at our own line."""
        shown = min(nr_params, NR_PASSED)
        params = [(f"a{number}", self._debug.u64) for number in range(shown)]
        function = self._debug.function(name, self._debug.u64, params, None)
        location = self._debug.location(function, None)
        lines = [
            line
            if not line.startswith("  ") or " = phi " in line or line.startswith("    ")
            else f"{line}, {location}"
            for line in body.strip("\n").splitlines()
        ]
        signature = ", ".join(f"i64 %{param}" for param, _ in params)
        return "\n".join(
            [f"define weak i64 @{name}({signature}) noinline nounwind !dbg {function} {{", *lines, "}", ""]
        )

    def _helper(self, c_name: str) -> str:
        """Ask the tape, and run the hooks that the core would run."""
        nr_arguments = _nr_arguments(c_name)
        lines = ["entry:"]
        for number in range(NR_ARGUMENTS):
            if number >= nr_arguments or number < NR_PASSED:
                value = f"%a{number}" if number < nr_arguments else "0"
                lines.append(f"  store i64 {value}, ptr {control_word('call', number)}, align 8")
        lines.append(f"  %answer = call i64 @core_call(i64 {HELPER_NUMBERS[c_name]})")
        helper = next((h for h in HELPERS if h.c_name == c_name), None)
        if helper is not None and _NESTED_HOOK in helper.effects.runs and _NESTED_HOOK in self._policy.hooks:
            lines += _nested_calls()
        return "\n".join([*lines, "  ret i64 %answer"])

    def _apply(self) -> str:
        """Apply an effect: target, element, number of the list, value."""
        cases = " ".join(f"i64 {1 + number}, label %target{number}" for number in range(len(WRITE_TARGETS)))
        lines = ["entry:", "  %key = alloca i32, align 4", "  %short = trunc i64 %a1 to i32"]
        lines.append("  store i32 %short, ptr %key, align 4")
        lines += [f"  switch i64 %a0, label %end [ {cases} ]"]
        for number, target in enumerate(WRITE_TARGETS):
            type_name, field = target.split(".")
            map_name = LIST_SIZES if type_name == "List" else object_map(type_name)
            at = f"%at{number}"
            lines += [f"target{number}:", f"  {at} = call ptr {LOOKUP}(ptr @{map_name}, ptr %key)"]
            lines += [f"  %none{number} = icmp eq ptr {at}, null"]
            lines += [f"  br i1 %none{number}, label %end, label %found{number}", f"found{number}:"]
            if type_name == "List":
                lines += [f"  %outside = icmp ugt i64 %a2, {nr_lists(self._policy) - 1}"]
                lines += [
                    "  br i1 %outside, label %end, label %inside",
                    "inside:",
                    "  %bytes = shl i64 %a2, 3",
                ]
                lines += [
                    f"  %size = getelementptr i8, ptr {at}, i64 %bytes",
                    "  store i64 %a3, ptr %size, align 8",
                ]
            else:
                slot = slots(type_name)[field]
                lines += [f"  %field{number} = getelementptr i8, ptr {at}, i64 {slot.offset}"]
                lines += [f"  %narrow{number} = trunc i64 %a3 to i{8 * slot.nr_bytes}"]
                lines += [
                    f"  store i{8 * slot.nr_bytes} %narrow{number}, ptr %field{number}, align {slot.nr_bytes}"
                ]
            lines += ["  br label %end"]
        return "\n".join([*lines, "end:", "  ret i64 0"])


def _core_call() -> str:
    """Take the tape's next entry, compare, apply its effects, answer."""
    lines = [
        "entry:",
        "  %key = alloca i32, align 4",
        f"  %position = load i64, ptr {control_word('position')}, align 8",
        f"  %end = load i64, ptr {control_word('nr_entries')}, align 8",
        "  %is.over = icmp uge i64 %position, %end",
        "  br i1 %is.over, label %over, label %look",
        "look:",
        "  %short = trunc i64 %position to i32",
        "  store i32 %short, ptr %key, align 4",
        f"  %entry.at = call ptr {LOOKUP}(ptr @tape, ptr %key)",
        "  %none = icmp eq ptr %entry.at, null",
        "  br i1 %none, label %over, label %found",
        "over:",
        f"  store i64 {FAULT_TAPE_END}, ptr {control_word('fault')}, align 8",
        "  ret i64 0",
        "found:",
        "  %next = add i64 %position, 1",
        f"  store i64 %next, ptr {control_word('position')}, align 8",
    ]
    lines += _loaded("helper", "entry.at", ENTRY["helper"])
    lines += ["  %differs = xor i64 %helper, %a0"]
    last = "differs"
    for number in range(NR_ARGUMENTS):
        lines += _loaded(f"expected{number}", "entry.at", ENTRY["args"] + number)
        lines += [f"  %given{number} = load i64, ptr {control_word('call', number)}, align 8"]
        lines += [f"  %xor{number} = xor i64 %expected{number}, %given{number}"]
        lines += [f"  %or{number} = or i64 %{last}, %xor{number}"]
        last = f"or{number}"
    lines += [f"  %is.same = icmp eq i64 %{last}, 0", "  br i1 %is.same, label %same, label %other", "other:"]
    lines += [f"  store i64 {FAULT_TAPE}, ptr {control_word('fault')}, align 8", "  ret i64 0", "same:"]
    for number in range(NR_WRITES):
        words = [f"write{number}.{part}" for part in range(4)]
        for part, word in enumerate(words):
            lines += _loaded(word, "entry.at", ENTRY["writes"] + 4 * number + part)
        lines += [f"  %done{number} = call i64 @apply({', '.join(f'i64 %{word}' for word in words)})"]
    copied = [("nr_nested", ENTRY["nr_nested"], "nr_nested", 0), ("present", ENTRY["present"], "present", 0)]
    copied += [(f"nested{n}", ENTRY["nested"] + n, "nested", n) for n in range(NR_NESTED * NESTED_ARGUMENTS)]
    for name, place, word, index in copied:
        lines += _loaded(name, "entry.at", place)
        lines += [f"  store i64 %{name}, ptr {control_word(word, index)}, align 8"]
    return "\n".join([*lines, *_loaded("answer", "entry.at", ENTRY["answer"]), "  ret i64 %answer"])


def _loaded(name: str, base: str, word: int) -> Sequence[str]:
    """Return the instructions that load a word behind a pointer."""
    return [
        f"  %{name}.at = getelementptr i8, ptr %{base}, i64 {8 * word}",
        f"  %{name} = load i64, ptr %{name}.at, align 8",
    ]


def _nested_calls() -> list[str]:
    """Run the hooks that an entry names; all is read first, for they ask the tape themselves."""
    lines = [f"  %nr = load i64, ptr {control_word('nr_nested')}, align 8"]
    for number in range(NR_NESTED * NESTED_ARGUMENTS):
        lines.append(f"  %n{number} = load i64, ptr {control_word('nested', number)}, align 8")
    for call in range(NR_NESTED):
        arguments = ", ".join(
            f"i64 %n{call * NESTED_ARGUMENTS + number}" for number in range(NESTED_ARGUMENTS)
        )
        lines += [
            f"  %has{call} = icmp ugt i64 %nr, {call}",
            f"  br i1 %has{call}, label %run{call}, label %past{call}",
        ]
        lines += [f"run{call}:", f"  %placed{call} = call i64 @{hook_symbol(_NESTED_HOOK)}({arguments})"]
        lines += [f"  br label %past{call}", f"past{call}:"]
    return lines


def _nr_arguments(c_name: str) -> int:
    if c_name in SCAN_HELPERS.values():
        return 2 if c_name in (SCAN_HELPERS["tail"], SCAN_HELPERS["head"]) else 1
    return len(helper_c_params(next(h for h in HELPERS if h.c_name == c_name)))
