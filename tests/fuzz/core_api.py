"""The core's C interface as its header declares it, so that fuzzing knows a new option or call on the day it is there.

Here: members of the structs that describe a machine, the calls that take numbers, and the C tables by which the script
player finds both by name. Not here: what values are tried (machine_scripts.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CORE = Path(__file__).parents[2] / "reclaim" / "core"
HEADERS = (CORE / "rcl.h", CORE / "abi.gen.h")

STRUCTS = {
    "machine": "rcl_config",
    "costs": "rcl_costs",
    "node": "rcl_node_config",
    "swap": "rcl_swap_config",
    "memcg": "rcl_memcg_config",
    "mapping": "rcl_mapping",
    "task": "rcl_task_config",
}
"""By the command of a script that fills one in."""

_OWN_COMMANDS = {"rcl_machine_free", "rcl_detach", "rcl_run", "rcl_task_feed", "rcl_set_tunable"}
"""What a script has commands of its own for; a tunable's range is checked by the caller."""

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.DOTALL | re.MULTILINE)
_MEMBER = re.compile(r"^\s*(u?int\d+_t|struct rcl_\w+) (\w+)(?:\[(\d+)\])?;", re.MULTILINE)
_CALL = re.compile(r"^int (rcl_\w+)\((struct rcl_machine \*m[^)]*)\);", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Call:
    """Hold a call that changes a machine and takes nothing but numbers.

    Args:
        name: of the function.
        parameters: names of its numbers.
        c_arguments: what the player writes for all parameters after the machine.
    """

    name: str
    parameters: tuple[str, ...]
    c_arguments: tuple[str, ...]


def header_text() -> str:
    """Return the headers without their comments."""
    return _COMMENT.sub("", "".join(path.read_text(encoding="utf-8") for path in HEADERS))


def struct_members(text: str) -> dict[str, dict[str, int]]:
    """Return the members of all structs that are numbers or rows of numbers, with the length of the row or 1."""
    return {
        name: {
            member: int(length or 1)
            for kind, member, length in _MEMBER.findall(body)
            if not kind.startswith("struct")
        }
        for name, body in _STRUCT.findall(text)
    }


def machine_calls(text: str) -> list[Call]:
    """Return the calls that a script may make: those on a machine that is not const, of numbers and places for them."""
    found = []
    for name, parameters in _CALL.findall(text):
        words, arguments = [], []
        for parameter in parameters.split(",")[1:]:
            kind, _, word = " ".join(parameter.split()).rpartition(" ")
            word = word.lstrip("*")
            if re.fullmatch(r"u?int\d+_t|int|enum \w+", kind) and "*" not in parameter:
                words.append(word)
                arguments.append(f'({kind})word("{word}")')
            elif re.fullmatch(r"u?int\d+_t|int", kind):
                arguments.append(f"&(static_dummy_{kind})")
            else:
                break
        else:
            if name not in _OWN_COMMANDS:
                found.append(Call(name, tuple(words), tuple(arguments)))
    return found


def player_tables() -> str:
    """Return the C text that the player includes: members by command and name, and calls by name."""
    text = header_text()
    members = struct_members(text)
    lines = ["static const struct member members[] = {"]
    for command, struct in STRUCTS.items():
        for member, length in members[struct].items():
            place = f"offsetof(struct {struct}, {member})"
            width = f"sizeof(((struct {struct} *)0)->{member}) / {length}"
            lines.append(f'\t{{ "{command}", "{member}", {place}, {width}, {length} }},')
    lines += ["};", ""]
    lines += [f"static {kind} static_dummy_{kind};" for kind in ("uint64_t", "uint32_t", "int")]
    lines += ["", "static int any_call(struct rcl_machine *m, const char *name, int *status)", "{"]
    lines += ["\t(void)static_dummy_uint64_t, (void)static_dummy_uint32_t, (void)static_dummy_int;"]
    for call in machine_calls(text):
        arguments = ", ".join(("m", *call.c_arguments))
        lines += [f'\tif (strcmp(name, "{call.name}") == 0) {{', f"\t\t*status = {call.name}({arguments});"]
        lines += ["\t\treturn 1;", "\t}"]
    lines += ["\treturn 0;", "}", ""]
    return "\n".join(lines)
