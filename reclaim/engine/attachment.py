"""A policy at its place in a machine: tunables checked, code made, state readable, end explained.

Here: `Attachment`, and how whatever a user calls a policy becomes code that the core can call, compiled or, for
comparison, interpreted. Not here: which lruvecs a policy governs, which is the core's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from reclaim.abi.counters import COUNTERS
from reclaim.diag.errors import ConfigError
from reclaim.engine.binding import Core, LiveMemory, PolicyCode, helper_symbols
from reclaim.engine.machine_config import suggest
from reclaim.engine.shipped import find_policy
from reclaim.jit.object_cache import user_cache
from reclaim.jit.policy_image import PolicyImage
from reclaim.jit.policy_loader import CompiledPolicy, load_policy
from reclaim.lang.frontend import compile_source
from reclaim.lang.interp import Interpreter
from reclaim.lang.ir import Scope, StateField, Tunable

Engine = Literal["native", "interpreter"]
StateValue = int | npt.NDArray[np.int64] | npt.NDArray[np.uint64]

DEFAULT_POLICY = "trad"
"""The built-in policy that answers every question that another one leaves out."""


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """Say why an attachment ended.

    Args:
        policy: its name.
        kind: `user` detached, `policy` called fail(), `error` gave answers that had to be refused, `stall` made no
            progress or used more time than its fuel.
        text: the reason in words.
        hook: in which it happened, None for none.
        lines: lines of the policy's source where its fail() stands, empty for other reasons.
        time_ns: virtual time.
        core_did: what the core had done for it until then.
    """

    policy: str
    kind: str
    text: str
    hook: str | None
    lines: tuple[int, ...]
    time_ns: int
    core_did: dict[str, int]


class Attachment:
    """A policy attached to a machine; made by `Machine.attach`.

    Args:
        core: the machine's core.
        number: the core's number of it.
        policy: the compiled policy, kept alive here.
        where: what it is attached to: None for the system, a node's number, or a memcg's path.
    """

    def __init__(self, core: Core, number: int, policy: CompiledPolicy, where: str | int | None) -> None:
        self._core = core
        self.number = number
        self.policy = policy
        self.where = where

    @property
    def name(self) -> str:
        """Return the policy's name."""
        return self.policy.name

    @property
    def is_attached(self) -> bool:
        """Tell whether it was neither detached nor ejected."""
        return self._core.is_attached(self.number)

    @property
    def exit_record(self) -> ExitRecord | None:
        """Return why it ended, None while it has not."""
        for record in self._core.exit_records():
            if record["attachment"] == self.number:
                return exit_record(record, self.policy.image)
        return None

    def core_did(self) -> dict[str, int]:
        """Return what the core did for the policy so far, by the names of the ABI's counters."""
        counters = self._core.counters("attachment", self.number)
        return named_counters(counters, "core_did")

    def detach(self) -> None:
        """Take the policy away; the next nearest one, or the default, adopts its folios.

        Raises:
            ConfigError: it is not attached any more.
        """
        self._require_attached()
        self._core.detach(self.number)

    def set_tunable(self, name: str, value: int) -> None:
        """Change a tunable of the attached policy.

        Args:
            name: as declared.
            value: inside its declared range.

        Raises:
            ConfigError: an unknown name, or a value out of range.
        """
        self._require_attached()
        tunables = self.policy.image.tunables
        tunable = find_tunable(self.policy, name)
        self._core.set_tunable(
            self.number, tunables.index(tunable), checked_value(self.policy, tunable, value)
        )

    def state(self, scope: str = "global", element: int = 0) -> dict[str, StateValue]:
        """Return a copy of declared state.

        Args:
            scope: folio, lruvec, memcg, scan or global.
            element: number of the folio (pfn), lruvec, memcg or scan slot.

        Returns:
            Numbers, and arrays of shape `dims`, by the names that the author gave; nested ones dotted.

        Raises:
            ConfigError: no such scope or element, or the policy is not attached any more and its state is gone.
        """
        self._require_attached()
        scopes = {s.value: s for s in Scope}
        if scope not in scopes:
            raise ConfigError(f"unknown scope {scope!r} of state{suggest(scope, scopes)}")
        image = self.policy.image
        nr_bytes = image.state_bytes[scopes[scope]]
        data = self._core.state_bytes(self.number, scopes[scope], element, nr_bytes) if nr_bytes else b""
        return {leaf.name: _leaf_value(leaf, data) for leaf in image.state if leaf.scope is scopes[scope]}

    def map_value(self, name: str, key: int, *, index: int = 0, instance: int = 0) -> int | None:
        """Return what a map of the policy holds for a key, without touching its age.

        Args:
            name: as declared.
            key: the key, or the index of an array map.
            index: which of an array of maps.
            instance: number of the lruvec or memcg that it belongs to.

        Returns:
            The value, None where the key is absent.

        Raises:
            ConfigError: no such map or instance.
        """
        return self._core.map_value(self.number, self._map_number(name, index), instance, key)

    def map_size(self, name: str, *, index: int = 0, instance: int = 0) -> int:
        """Return the number of entries of a map, arguments and errors as for `map_value`."""
        return self._core.map_size(self.number, self._map_number(name, index), instance)

    def _require_attached(self) -> None:
        record = self.exit_record
        if record is not None:
            raise ConfigError(f"policy {self.name} is not attached any more: {record.kind}, {record.text}")

    def _map_number(self, name: str, index: int) -> int:
        self._require_attached()
        maps = {declared.name: declared for declared in self.policy.image.maps}
        if name not in maps:
            raise ConfigError(f"policy {self.name} has no map {name!r}{suggest(name, maps)}")
        return maps[name].number + index


@cache
def default_policy() -> CompiledPolicy:
    """Return the built-in policy that stands below all others, compiled once per process."""
    return compiled(DEFAULT_POLICY)


def compiled(policy: str | Path | CompiledPolicy) -> CompiledPolicy:
    """Return the code of a policy that a user named.

    Args:
        policy: a built-in policy's name, the path of an `.rpol` file, or what is compiled already.

    Returns:
        The compiled policy.

    Raises:
        ConfigError: there is no such policy.
        PolicyRejected: it is not accepted.
    """
    if isinstance(policy, CompiledPolicy):
        return policy
    return load_policy(find_policy(policy), helper_symbols(), user_cache())


def policy_code(policy: CompiledPolicy, tunables: Mapping[str, int]) -> PolicyCode:
    """Return what the core needs of a compiled policy.

    Args:
        policy: the policy.
        tunables: values that differ from the declared defaults, by name.

    Returns:
        The code with a value for every tunable.

    Raises:
        ConfigError: an unknown tunable or a value out of its range.
    """
    values = {tunable.name: tunable.default for tunable in policy.image.tunables}
    for name, value in tunables.items():
        values[name] = checked_value(policy, find_tunable(policy, name), value)
    return PolicyCode(policy.name, policy.image, policy.hooks, list(values.values()))


def interpreted_code(core: Core, policy: CompiledPolicy, tunables: Mapping[str, int]) -> PolicyCode:
    """Return the same policy with hooks that the reference interpreter runs; arguments and errors as `policy_code`."""
    code = policy_code(policy, tunables)
    memory = LiveMemory()
    interpreter = Interpreter(compile_source(policy.source, policy.path), memory)

    def run(hook: str, context: int, args: tuple[int, ...]) -> int | None:
        memory.context = context
        return interpreter.run(hook, args)

    return PolicyCode(code.name, code.image, core.hook_functions(list(code.hooks), run), code.tunables)


def find_tunable(policy: CompiledPolicy, name: str) -> Tunable:
    """Return a tunable of a policy by its name.

    Raises:
        ConfigError: it has none of that name.
    """
    tunables = {tunable.name: tunable for tunable in policy.image.tunables}
    if not tunables:
        raise ConfigError(f"policy {policy.name} has no tunables, `{name}` was set")
    if name not in tunables:
        raise ConfigError(f"policy {policy.name} has no tunable `{name}`{suggest(name, tunables)}")
    return tunables[name]


def checked_value(policy: CompiledPolicy, tunable: Tunable, value: int) -> int:
    """Return a value for a tunable if it lies in the declared range.

    Raises:
        ConfigError: it does not.
    """
    if not tunable.min <= value <= tunable.max:
        unit = f" {tunable.unit}" if tunable.unit else ""
        raise ConfigError(
            f"policy {policy.name}: tunable `{tunable.name}` is {int(value)}; "
            f"expected {tunable.min} to {tunable.max}{unit}"
        )
    return int(value)


def exit_record(record: Mapping[str, Any], image: PolicyImage) -> ExitRecord:
    """Translate the core's exit record into the words of the policy's source."""
    text, lines = str(record["text"]), ()
    if record["kind"] == "policy" and record["fail_message"] < len(image.fails):
        site = image.fails[record["fail_message"]]
        text, lines = f'fail("{site.message}")', tuple(span.start.line for span in site.spans)
    return ExitRecord(
        policy=record["policy"],
        kind=record["kind"],
        text=text,
        hook=record["hook"],
        lines=lines,
        time_ns=record["time_ns"],
        core_did=named_counters(record["counters"], "core_did"),
    )


def named_counters(values: npt.NDArray[np.uint64], group: str) -> dict[str, int]:
    """Return the counters of one group by name; *values* are in the order of the ABI's table."""
    return {
        counter.name: int(value)
        for counter, value in zip(COUNTERS, values, strict=True)
        if counter.group == group
    }


def _leaf_value(leaf: StateField, data: bytes) -> StateValue:
    dtype = np.dtype(f"{'i' if leaf.kind.signed else 'u'}{leaf.kind.bits // 8}")
    array = np.ndarray(leaf.dims, dtype, data, leaf.offset, leaf.strides)
    if not leaf.dims:
        return int(array[()])
    return array.astype(np.int64) if leaf.kind.signed else array.astype(np.uint64)
