"""What a kernel developer writes without thinking, because it is C: recognised, and said how it is written here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Edit, Help, Position, Span
from reclaim.diag.registry import report
from reclaim.lang.indentation import token_span

if TYPE_CHECKING:
    from lark import Token

    from reclaim.diag.diagnostic import Diagnostic

_SIGNS = (("&&", "and"), ("||", "or"), ("->", "."))
"""Signs of C that begin with a sign of the language, and what stands for them."""

_SUFFIXES = frozenset(("U", "L", "UL", "LL", "ULL", "LU", "LLU"))

_DECLARATION = re.compile(
    r"\s*(?:(?:const|static|unsigned|signed|struct|int|long|bool|char|auto|let|var|[us](?:8|16|32|64))\s+)+"
)
"""What stands before the name in a declaration of C."""

_CAST = re.compile(r"\(([us](?:8|16|32|64))\)\s*$")
"""A cast of C, up to what it casts."""

_OPERAND = re.compile(r"[\w.]+(?:\([^()]*\)|\[[^][]*\])?|\([^()]*\)")
"""What a cast is about: a name with what hangs on it, or something in parentheses."""

_COUNTED = re.compile(
    r"for\s*\(\s*(?:[\w ]*\s)?(\w+)\s*=\s*([^;]+?)\s*;\s*\1\s*(<=?)\s*([^;]+?)\s*;"
    r"\s*(?:\1\s*\+\+|\+\+\s*\1|\1\s*\+=\s*1)\s*\)\s*[{:]?"
)
_COUNTED_IN_BPF = re.compile(r"bpf_for\s*\(\s*(\w+)\s*,\s*([^,]+?)\s*(,)\s*(.+?)\s*\)\s*[{:]")
"""Loops of C that count up: variable, start, how they compare, end."""

_STEPPED = re.compile(r"(\s*)(?:([\w.]+(?:\[[^]]*\])?)(\+\+|--)|(\+\+|--)([\w.]+(?:\[[^]]*\])?))\s*;?\s*")
"""A line that counts up or down as C does."""


def written_as_in_c(token: Token, lines: list[str]) -> Diagnostic | None:
    """Return what to say about a sign or word of C, None where it is none.

    Args:
        token: where the parser is stuck.
        lines: the text.
    """
    number, column = token.line or 1, token.column or 1
    before, rest = lines[number - 1][: column - 1], lines[number - 1][column - 1 :]
    return (
        _sign(number, column, lines[number - 1])
        or _comment(number, before, rest)
        or _function(number, lines[number - 1])
        or _counted(number, lines)
        or _statement(token, lines[number - 1])
        or _word(token, before, lines[number - 1])
        or _block(token, before)
        or _address(token, before)
    )


def _sign(number: int, column: int, line: str) -> Diagnostic | None:
    for sign, better in _SIGNS:
        start = next((at for at in (column - 2, column - 1) if line[max(at, 0) : at + 2] == sign), None)
        if start is not None:
            span = Span.of(number, start + 1, number, start + 3)
            return _said(
                "invalid-syntax", f"`{sign}` is written `{better}`", span, f"write `{better}`", better
            )
    return None


def _comment(number: int, before: str, rest: str) -> Diagnostic | None:
    if before.strip() or not rest.startswith(("//", "/*")):
        return None
    span = Span.of(number, len(before) + 1, number, len(before) + 3)
    closed = re.fullmatch(r"/\*\s*(.*?)\s*\*/\s*", rest)
    if closed is None:
        return _said("invalid-syntax", "comments begin with `#`", span, "write `#`", "#")
    whole = Span.of(number, len(before) + 1, number, len(before) + len(rest) + 1)
    help_ = (Help("write `#`, up to the end of the line", Edit(whole, f"# {closed[1]}")),)
    return report("invalid-syntax", "comments begin with `#`", span, label="this is C", help=help_)


_STATEMENTS = (
    (
        re.compile(r"\s*for\s*\(.*;"),
        "for",
        "a loop is written `for i in range(n):`",
        "write `for i in range(n):`",
    ),
    (
        re.compile(r"\s*switch\b"),
        "switch",
        "`switch` is written with `if` and `elif`",
        "write `if` and `elif`",
    ),
    (
        re.compile(r"\s*bpf_for\s*\(.*[:{]\s*$"),
        "bpf_for",
        "a loop is written `for i in range(n):`",
        "write `for i in range(start, end):`",
    ),
    (re.compile(r"\s*goto\b"), "goto", "there is no `goto`", "use `return`, or `break` out of a loop"),
    (re.compile(r"\s*do\s*\{"), "do", "a loop is written `for i in range(n):`", "write `for i in range(n):`"),
)
"""Statements of C: how a line begins, its word, what is said, and what to write."""


_FUNCTION = re.compile(
    r"(?P<before>\s*(?:(?:static|inline|__always_inline|noinline|__noinline|extern|const|unsigned|struct)\s+)*)"
    r"(?P<result>void|bool|int|long|size_t|[us](?:8|16|32|64))\s+(?P<name>[A-Za-z_]\w*)\s*\((?P<params>[^()]*)\)"
    r"\s*[:{]?\s*$"
)
"""The head of a function of C, on one line."""

_PARAMETER = re.compile(
    r"(?P<before>\s*(?:(?:const|unsigned|struct|enum)\s+)*)(?P<type>\w+)[\s*]+(?P<name>\w+)\s*"
)
_TYPES = {
    "void": "None",
    "bool": "bool",
    **dict.fromkeys(("int", "long"), "s64"),
    "size_t": "u64",
    **{f"{sign}{bits}": f"{sign}{bits}" for sign in "us" for bits in (8, 16, 32, 64)},
    "folio": "Folio",
    "lruvec": "Lruvec",
    "mem_cgroup": "Memcg",
    "scan_control": "ScanControl",
    "pglist_data": "Node",
}
"""Types of C and the kernel, and what they are here."""

_WIDE = {"u8": "u64", "u16": "u64", "u32": "u64", "s8": "s64", "s16": "s64", "s32": "s64"}


def _function(number: int, line: str) -> Diagnostic | None:
    """Recognise the head of a function of C, and write it as it is here where all its types are known."""
    found = _FUNCTION.match(line)
    if found is None:
        return None
    start = len(found["before"]) - len(found["before"].lstrip()) + 1
    span = Span.of(number, start, number, len(line.rstrip()) + 1)
    result = _type(found["before"], found["result"])
    parameters = [part for part in found["params"].split(",") if part.strip() not in ("", "void")]
    matches = [_PARAMETER.fullmatch(part) for part in parameters]
    words = [
        f"{m['name']}: {_type(m['before'], m['type'])}"
        for m in matches
        if m is not None and m["type"] in _TYPES
    ]
    message = "a function begins with `def`, and names come before their types"
    if len(words) < len(parameters):
        offer = Help(f"write `def {found['name']}(...) -> {result}:`")
        return report("invalid-syntax", message, span, label="this is C", help=(offer,))
    text = f"def {found['name']}({', '.join(words)}) -> {_WIDE.get(result, result)}:"
    return _said("invalid-syntax", message, span, f"write `{text}`", text)


def _type(before: str, name: str) -> str:
    """Return what a type of C is here, with what stands before its name."""
    return "u64" if "unsigned" in before.split() else _TYPES[name]


def _counted(number: int, lines: list[str]) -> Diagnostic | None:
    """Recognise `i++` as a line of its own, and a loop that counts up."""
    line = lines[number - 1]
    stepped = _STEPPED.fullmatch(line)
    if stepped is not None:
        sign, name = stepped[3] or stepped[4], stepped[2] or stepped[5]
        text = f"{name} {sign[0]}= 1"
        span = Span.of(number, len(stepped[1]) + 1, number, len(line.rstrip()) + 1)
        return _said("invalid-syntax", f"`{sign}` is written `{sign[0]}= 1`", span, f"write `{text}`", text)
    found = _COUNTED.search(line) or _COUNTED_IN_BPF.search(line)
    if found is None:
        return None
    name, start, sign, end = found.groups()
    end = f"{end} + 1" if sign == "<=" else end
    text = f"for {name} in range({end if start == '0' else f'{start}, {end}'}):"
    span = Span.of(number, found.start() + 1, number, found.end() + 1)
    whole = _without_braces(found, text, number, lines)
    help_ = (Help(f"write `{text}`", whole or Edit(span, text)),)
    message = "a loop is written `for i in range(n):`"
    return report("invalid-syntax", message, span, label="this is C", help=help_)


def _without_braces(head: re.Match[str], text: str, number: int, lines: list[str]) -> Edit | None:
    """Return the edit of a whole loop whose body is in braces that are closed on a line of their own."""
    indent = head.string[: head.start()]
    if not head[0].endswith("{") or indent.strip():
        return None
    last = next(
        (at for at, line in enumerate(lines[number:], number) if line.rstrip() == f"{indent}}}"), None
    )
    if last is None:
        return None
    body = [line.rstrip().removesuffix(";") for line in lines[number:last]]
    return Edit(Span.of(number, head.start() + 1, last + 1, len(lines[last]) + 1), "\n".join((text, *body)))


def _statement(token: Token, line: str) -> Diagnostic | None:
    """Recognise a whole statement of C by the word that its line begins with."""
    for pattern, word, message, offer in _STATEMENTS:
        if pattern.match(line):
            number, start = token.line or 1, line.index(word) + 1
            span = Span.of(number, start, number, start + len(word))
            return report("invalid-syntax", message, span, label="this is C", help=(Help(offer),))
    return None


def _address(token: Token, before: str) -> Diagnostic | None:
    """Recognise `&x`, where nothing stands left of the sign that `&` could join."""
    if str(token) != "&" or not before.rstrip().endswith(("=", "(", ",", "return")):
        return None
    message = "there are no addresses: a name stands for the object itself"
    return _said("invalid-syntax", message, token_span(token), "leave it out", "")


def _word(token: Token, before: str, line: str) -> Diagnostic | None:
    """Recognise `else if`, suffixes of numbers, declarations with a type in front, and casts."""
    number, column = token.line or 1, token.column or 1
    if str(token) == "if" and before.strip() == "else":
        span = Span.of(number, before.index("else") + 1, number, column + 2)
        return _said("invalid-syntax", "`else if` is written `elif`", span, "write `elif`", "elif")
    if token.type != "NAME":
        return None
    if token.upper() in _SUFFIXES and before[-1:].isalnum():
        message = f"numbers take no suffix such as `{token}`: they have 64 bits"
        return _said("invalid-number", message, token_span(token), "leave it out", "")
    if _DECLARATION.fullmatch(before):
        return _declared(number, line)
    cast = _CAST.search(before)
    if cast is not None:
        span = Span.of(number, cast.start() + 1, number, column)
        wide = _WIDE.get(cast[1], cast[1])
        message = f"a cast is written as a call: `{wide}(...)`"
        operand = _OPERAND.match(line, column - 1)
        if operand is None:
            return report("invalid-syntax", message, span, label="a cast of C")
        what = operand[0].removeprefix("(").removesuffix(")") if operand[0].startswith("(") else operand[0]
        text = f"{cast[1]}({what})" if wide == cast[1] else f"truncate({what}, {cast[1]})"
        whole = Span.of(number, cast.start() + 1, number, operand.end() + 1)
        help_ = (Help(f"write `{text}`", Edit(whole, text)),)
        return report("invalid-syntax", message, span, label="a cast of C", help=help_)
    return None


def _declared(number: int, line: str) -> Diagnostic | None:
    """Return what to say of a declaration of C: its types go, and it gets a value if it has none."""
    found = re.match(rf"({_DECLARATION.pattern})(\w+)(\s*;?\s*$)?", line)
    if found is None:
        return None
    start = len(line) - len(line.lstrip()) + 1
    span = Span.of(number, start, number, len(found[1]) + 1)
    message = "a variable is declared by its first assignment, without a type in front"
    if found[3] is None:
        return _said("invalid-syntax", message, span, f"write `{found[2]} = ...`", "")
    help_ = (
        Help(
            f"write `{found[2]} = 0`",
            Edit(Span(span.start, Position(number, len(line) + 1)), f"{found[2]} = 0"),
        ),
    )
    return report("invalid-syntax", message, span, label="this is C", help=help_)


def _block(token: Token, before: str) -> Diagnostic | None:
    if str(token) != "{" or not before.lstrip().startswith(
        ("if", "for", "else", "elif", "while", "def", "class")
    ):
        return None
    message = "a block begins with `:` and is indented; there are no braces around it"
    return _said("invalid-syntax", message, token_span(token), "write `:`", ":")


def _said(name: str, message: str, span: Span, offer: str, text: str) -> Diagnostic:
    help_ = (Help(offer, Edit(span, text)),)
    return report(name, message, span, label="this is C", help=help_)
