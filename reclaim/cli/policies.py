"""`reclaim policies`: the built-in policies, and everything that a policy's file says about itself."""

from __future__ import annotations

import re
from typing import Any

import click

from reclaim.abi.hooks import HOOKS
from reclaim.cli.listing import Listing, as_json_option, show
from reclaim.cli.reference_tables import table
from reclaim.engine.attachment import compiled
from reclaim.engine.shipped import shipped_policies
from reclaim.jit.policy_loader import CompiledPolicy
from reclaim.lang.ir import Tunable

_HEAD_LINE = re.compile(r"(?<=\n)([A-Z][a-z ]+): ")
"""`Source: ` and its like at the start of a line of a policy's head; after the title, which has no such line."""


@click.command("policies")
@click.argument("name", required=False, metavar="[NAME|FILE]")
@as_json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List the built-in policies, or everything about policy NAME or FILE."""
    is_file = name is not None and ("/" in name or name.endswith(".rpol"))
    names = [name] if name is not None and is_file else list(shipped_policies())
    listing = Listing(
        what="policies",
        entries={known: compiled(known) for known in names},
        columns=("policy", "tunables", "what it is"),
        row=lambda policy: (policy.name, str(len(policy.image.tunables)), _title(policy)),
        section=_section,
        data=_data,
    )
    show(listing, name, as_json=as_json)


def _title(policy: CompiledPolicy) -> str:
    return policy.image.doc.strip().partition("\n\n")[0].replace("\n", " ")


def _section(policy: CompiledPolicy) -> str:
    image = policy.image
    costs = [(f"`{name}`", f"{h.cost:,}", f"{HOOKS[name].budget:,}") for name, h in image.hooks.items()]
    tunables = [
        (f"`{policy.name}.{t.name}`", f"`{_value(t, t.default)}`", _range(t), t.unit, t.doc)
        for t in image.tunables
    ]
    parts = [
        _HEAD_LINE.sub(r"- **\1**: ", image.doc.strip()),
        "**Hooks**",
        "\n".join(table(("hook", "worst case, IR operations", "budget"), costs)),
    ]
    if tunables:
        columns = ("tunable", "default", "range", "unit", "meaning")
        parts += ["**Tunables**", "\n".join(table(columns, tunables))]
    return "\n\n".join([*parts, f"**File**: {policy.path}"])


def _value(tunable: Tunable, value: int) -> int | bool:
    return bool(value) if tunable.is_bool else value


def _range(tunable: Tunable) -> str:
    return "True or False" if tunable.is_bool else f"{tunable.min:,} to {tunable.max:,}"


def _data(policy: CompiledPolicy) -> dict[str, Any]:
    image = policy.image
    return {
        "name": policy.name,
        "path": policy.path,
        "doc": image.doc,
        "hooks": {name: {"worst_case_instructions": hook.cost} for name, hook in image.hooks.items()},
        "tunables": [_tunable_data(tunable) for tunable in image.tunables],
    }


def _tunable_data(tunable: Tunable) -> dict[str, Any]:
    return {
        "name": tunable.name,
        "type": "bool" if tunable.is_bool else tunable.kind.name,
        "default": _value(tunable, tunable.default),
        "min": _value(tunable, tunable.min),
        "max": _value(tunable, tunable.max),
        "unit": tunable.unit,
        "doc": tunable.doc,
    }
