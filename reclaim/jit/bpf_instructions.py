"""Hooks as eBPF functions that the Linux verifier can follow.

The meaning is that of `instructions`; what is added repeats what is proved already, in a form that
Linux understands. Linux follows one register at a time and relates no two of them, so:

* A handle is a number. Before its object is touched it is looked up in the map of its type, and a
  handle without object ends the hook with a fault.
* An index is compared with the length of its array right before the access, behind an empty piece of
  assembly that keeps LLVM from using what it knows about the index: LLVM would drop the comparison
  that Linux needs.
* A loop counts its rounds with an open-coded iterator (`bpf_iter_num`) beside the author's own
  counter, so that Linux can see it end without following every round. What a loop carries is at each
  round the author's value plus a 0 that Linux does not know to be one: all rounds look alike, where it
  would follow known values round by round. Every way out of a loop destroys its iterator.

A fault is a number in the map `control` and an answer of 0. No run of a verified policy has one.
"""

from __future__ import annotations

from reclaim.abi.layout import LIST_SIZES
from reclaim.jit.bpf_debug_info import DebugInfo
from reclaim.jit.bpf_layout import (
    CONTROL,
    FAULT_INDEX,
    FAULT_LOOP,
    FAULT_OBJECT,
    LONGEST_LOOP,
    NR_PASSED,
    nr_lists,
    object_map,
    state_map,
)
from reclaim.jit.instructions import HookWriter
from reclaim.jit.llvm_types import PAIR, llvm_type, state_alignment
from reclaim.lang.ir import (
    Block,
    Branch,
    HandleType,
    HookIR,
    ListSize,
    LoadField,
    LoadState,
    Loop,
    Op,
    PolicyIR,
    Scope,
    StoreField,
    StoreState,
    Type,
    Value,
)

LOOKUP = "inttoptr (i64 1 to ptr)"
"""bpf_map_lookup_elem(): a helper of Linux is called by its number."""


def control_word(name: str, index: int = 0) -> str:
    """Return the address of a word of `control`."""
    return f"getelementptr (i8, ptr @control, i64 {8 * (CONTROL[name] + index)})"


class BpfHookWriter(HookWriter):
    """Write the body of one hook for Linux.

    Args:
        policy: the policy that the hook belongs to.
        hook: the hook.
        debug: numbers the debug nodes of the whole module.
        function: the debug node of the hook's function.
    """

    def __init__(self, policy: PolicyIR, hook: HookIR, debug: DebugInfo, function: str) -> None:
        super().__init__(policy, hook)
        self._debug = debug
        self._function = function
        self._at_span = hook.span
        self._nr_labels = 0
        self._found: dict[tuple[str, str], str] = {}
        self._found_at_entry: dict[tuple[str, str], str] = {}
        self._traps: dict[tuple[int, Loop | None], str] = {}
        self._current = hook.blocks[0]
        self._innermost = {
            number: loop
            for loop in sorted(hook.loops, key=lambda loop: -len(loop.body))
            for number in loop.body
        }
        self._headers = {loop.header: loop for loop in hook.loops}

    def body(self) -> list[str]:
        """Return the lines between the braces of the function."""
        lines = super().body()
        for (fault, loop), label in self._traps.items():
            self._lines = []
            self._open(label)
            self._leave(loop)
            self._line(f"store i64 {fault}, ptr {control_word('fault')}, align 8")
            self._line("ret i64 0")
            lines += self._lines
        return lines

    # Every instruction knows the author's line.

    def _operation(self, op: Op) -> str | None:
        self._at_span = op.span
        return super()._operation(op)

    def _line(self, text: str) -> None:
        super()._line(f"{text}, {self._debug.location(self._function, self._at_span)}")

    def _type(self, type_: Type) -> str:
        plain = llvm_type(type_)
        return "i64" if plain == "ptr" else plain

    # Objects, and the guards in front of them.

    def _begin(self, block: Block) -> None:
        self._current = block
        self._found = dict(self._found_at_entry)
        if block is self._hook.blocks[0]:
            self._begin_hook()
        if block in self._headers:
            self._count_round(self._headers[block])

    def _begin_hook(self) -> None:
        depth = max(map(_depth, self._hook.loops), default=0)
        self._lines += [f"  %rounds{number} = alloca i64, align 8" for number in range(depth)]
        self._lines.append("  %key = alloca i32, align 4")
        for block in self._hook.blocks:
            for op in block.ops:
                self._look_up_early(op)
        self._found_at_entry = dict(self._found)

    def _look_up_early(self, op: Op) -> None:
        """Look up what an instruction touches, if it can be known when the hook begins."""
        match op:
            case LoadField() | StoreField() if op.handle in self._hook.params:
                self._object(op.handle)
            case LoadState() | StoreState() if op.handle is None or op.handle in self._hook.params:
                self._state_element(op.state.scope, op.handle)
            case ListSize() if op.lruvec in self._hook.params:
                self._sizes(op.lruvec)
            case _:
                pass

    def _object(self, handle: Value) -> str:
        assert isinstance(handle.type, HandleType), handle
        return self._lookup(object_map(handle.type.name), handle)

    def _sizes(self, lruvec: Value) -> str:
        return self._lookup(LIST_SIZES, lruvec)

    def _lookup(self, map_name: str, handle: Value) -> str:
        """Return the value that a map has for an object, looked up once per block or before."""
        known = (map_name, self._names[handle])
        if known not in self._found:
            self._found[known] = self._element(map_name, self._make(f"add i64 {known[1]}, -1"))
        return self._found[known]

    def _state_element(self, scope: Scope, handle: Value | None) -> str:
        known = (state_map(scope), "0" if handle is None else self._names[handle])
        if known not in self._found:
            number = "0" if handle is None else self._instance(scope, handle)
            self._found[known] = self._element(known[0], number)
        return self._found[known]

    def _element(self, map_name: str, index: str) -> str:
        """Look an element of an array map up; there is none only where a handle has no object."""
        key = self._make(f"trunc i64 {index} to i32") if index != "0" else "0"
        self._line(f"store i32 {key}, ptr %key, align 4")
        element = self._make(f"call ptr {LOOKUP}(ptr @{map_name}, ptr %key)")
        self._trap_if(f"icmp eq ptr {element}, null", FAULT_OBJECT)
        return element

    def _trap_if(self, condition: str, fault: int) -> None:
        self._nr_labels += 1
        label = f"ok{self._nr_labels}"
        trap = self._traps.setdefault((fault, self._loop()), f"trap{len(self._traps)}")
        self._line(f"br i1 {self._make(condition)}, label %{trap}, label %{label}")
        self._open(label)

    def _guarded(self, index: str, length: int) -> str:
        """Return an index of an array of which Linux sees that it is inside."""
        opaque = self._opaque(index)
        self._trap_if(f"icmp ugt i64 {opaque}, {length - 1}", FAULT_INDEX)
        return opaque

    def _opaque(self, number: str) -> str:
        """Return a number of which LLVM knows nothing any more; Linux sees through the empty assembly."""
        return self._make(f'call i64 asm sideeffect "", "=r,0"(i64 {number})')

    def _attachments(self, leaf: str, alignment: int) -> str:
        del leaf
        return f"align {alignment}"

    def _state(self, op: LoadState | StoreState) -> tuple[str, str]:
        state = op.state
        terms = [
            self._scaled(self._guarded(self._names[index], length), stride)
            for index, length, stride in zip(op.indices, state.dims, state.strides, strict=True)
        ]
        address = self._at(self._state_element(state.scope, op.handle), state.offset)
        for term in terms:
            address = self._at(address, term)
        return address, f"align {state_alignment(state, self._policy.state_bytes[state.scope])}"

    def _tunable(self, number: int) -> tuple[str, str]:
        known = ("tunables", "0")
        if known not in self._found:
            self._found[known] = self._element("tunables", "0")
        return self._at(self._found[known], 8 * number), "align 8"

    def _list_size(self, op: ListSize) -> str:
        number = self._guarded(self._names[op.list], nr_lists(self._policy))
        address = self._at(self._sizes(op.lruvec), self._scaled(number, 8))
        return self._make(f"load i64, ptr {address}, align 8")

    def _fail(self, number: int) -> None:
        self._line(f"store i64 {number}, ptr {control_word('failed')}, align 8")

    def _call_helper(self, result: str, c_name: str, args: tuple[Value, ...]) -> str:
        self.helpers.add(c_name)
        passed = [self._widened(arg) for arg in args]
        for index, arg in enumerate(passed[NR_PASSED:], start=NR_PASSED):
            self._line(f"store i64 {arg}, ptr {control_word('call', index)}, align 8")
        answer = self._make(f"call i64 @h_{c_name}({', '.join(f'i64 {arg}' for arg in passed[:NR_PASSED])})")
        if llvm_type_of(result) != PAIR:
            return answer
        present = self._make(f"load i64, ptr {control_word('present')}, align 8")
        half = self._make(f"insertvalue {PAIR} zeroinitializer, i64 {answer}, 0")
        return self._make(f"insertvalue {PAIR} {half}, i64 {present}, 1")

    # Loops, and the ways in and out of them.

    def _loop(self) -> Loop | None:
        return self._innermost.get(self._current.id)

    def _count_round(self, loop: Loop) -> None:
        rounds = self._make(f"call ptr @bpf_iter_num_next(ptr {_rounds(loop)})")
        self._trap_if(f"icmp eq ptr {rounds}, null", FAULT_LOOP)

    def _leave(self, loop: Loop | None, until: Block | None = None) -> None:
        """End the iterators of the loops from this one outward that do not go on in a block."""
        while loop is not None and (until is None or until.id not in loop.body):
            self._line(f"call void @bpf_iter_num_destroy(ptr {_rounds(loop)})")
            loop = loop.parent

    def _terminator(self, block: Block) -> None:
        if block.terminator is not None:
            self._at_span = block.terminator.span
        super()._terminator(block)

    def _jump(self, origin: Block, target: Block, args: tuple[Value, ...]) -> None:
        self._leave(self._innermost.get(origin.id), target)
        loop = self._headers.get(target)
        if loop is None:
            super()._jump(origin, target, args)
            return
        if origin.id not in loop.body:
            self._make(f"call i32 @bpf_iter_num_new(ptr {_rounds(loop)}, i32 0, i32 {LONGEST_LOOP})")
        passed = [self._veiled(arg) for arg in args]
        self._arrivals.setdefault(target, []).append((self._label, passed))
        self._line(f"br label %b{target.id}")

    def _veiled(self, value: Value) -> str:
        """Return a value that Linux knows nothing about."""
        name = self._names[value]
        match self._type(value.type):
            case "i1":
                word = self._veiled_word(self._make(f"zext i1 {name} to i64"))
                return self._make(f"icmp ne i64 {word}, 0")
            case "i64":
                return self._veiled_word(name)
            case _:
                for part in (0, 1):
                    word = self._veiled_word(self._make(f"extractvalue {PAIR} {name}, {part}"))
                    name = self._make(f"insertvalue {PAIR} {name}, i64 {word}, {part}")
                return name

    def _veiled_word(self, word: str) -> str:
        """Add a 0 that Linux does not know, in a way that LLVM cannot take apart again.

        The 0 is loaded anew for each word: Linux remembers which registers stem from one load and how far
        they lie apart (since 6.10), and a test of one would tell it the others.
        """
        zero = self._make(f"load volatile i64, ptr {control_word('zero')}, align 8")
        return self._opaque(self._make(f"add i64 {word}, {zero}"))

    def _branch(self, block: Block, branch: Branch) -> None:
        then, other = f"then{block.id}", f"else{block.id}"
        self._line(f"br i1 {self._names[branch.condition]}, label %{then}, label %{other}")
        self._open(then)
        self._jump(block, branch.then, branch.then_args)
        self._open(other)
        self._jump(block, branch.other, branch.other_args)

    def _return(self, value: Value | None) -> None:
        answer = "0" if value is None or self._hook.hook.result == "None" else self._widened(value)
        self._leave(self._loop())
        self._line(f"ret i64 {answer}")


def llvm_type_of(result: str) -> str:
    """Return the LLVM type of a helper's answer, handles being numbers."""
    return PAIR if result in ("u64 | None", "s64 | None") else "i64"


def _depth(loop: Loop) -> int:
    return 1 if loop.parent is None else 1 + _depth(loop.parent)


def _rounds(loop: Loop) -> str:
    """Return the iterator's place on the stack; loops side by side share one."""
    return f"%rounds{_depth(loop) - 1}"
