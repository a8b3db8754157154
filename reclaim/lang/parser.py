"""From text to syntax tree.

lark's LALR tables for `grammar.lark` take longer to compute than any policy takes to parse, so they
are kept in the user's cache folder, keyed by the grammar; a cache that is missing, foreign or broken
is silently made anew. A file with a syntax error is cut at its top-level lines and each piece is
parsed by itself, so that one mistake does not hide those in other functions.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import lark
from lark import Lark, UnexpectedInput

from reclaim.diag.diagnostic import Diagnostic
from reclaim.lang.indentation import PolicyIndenter, TextRejected
from reclaim.lang.nodes import Module, Statement
from reclaim.lang.syntax_errors import explain
from reclaim.lang.tree_builder import TreeBuilder
from reclaim.lang.tried_fixes import with_tried_fix

if TYPE_CHECKING:
    from collections.abc import Iterator

_ONE_AT_A_TIME = Lock()
"""The parser keeps brackets and depths of the text that it is in."""

MOST_MENDED = 5
"""Mistakes of one text for which ways out are tried; ours: the others have theirs once these are mended."""

GRAMMAR = Path(__file__).parent / "grammar.lark"


class PolicyParser:
    """One parser with its own tables; parses one text at a time."""

    def __init__(self) -> None:
        self.indenter = PolicyIndenter()
        self.builder = TreeBuilder()
        self.lark = _load_tables(self.indenter, self.builder)

    def parse(self, text: str) -> Module | Diagnostic:
        """Parse a text.

        Args:
            text: the source, with lines ended by a line feed, the last one included.

        Returns:
            The tree, or the first thing that is wrong.
        """
        self.builder.begin()
        try:
            return self.lark.parse(text)  # type: ignore[return-value]
        except TextRejected as rejected:
            return rejected.diagnostic
        except lark.exceptions.VisitError as error:
            if isinstance(error.orig_exc, TextRejected):
                return error.orig_exc.diagnostic
            raise
        except UnexpectedInput as error:
            return explain(error, text, self.indenter.open)


def parse(text: str) -> tuple[Module, list[Diagnostic]]:
    """Parse a policy, and go on after mistakes as far as that is possible.

    Args:
        text: the source, lines ended by a line feed.

    Returns:
        The tree of what could be parsed, and everything that is wrong.
    """
    with _ONE_AT_A_TIME:
        return _parse_whole(shared_parser(), text)


def _parse_whole(parser: PolicyParser, text: str) -> tuple[Module, list[Diagnostic]]:
    whole = parser.parse(text)
    if isinstance(whole, Module):
        return whole, []
    pieces = list(_pieces(text))
    if len(pieces) == 1:
        return Module(()), [_mended(parser, whole, text)]
    statements: list[Statement] = []
    found: list[Diagnostic] = []
    for first_line, piece in pieces:
        padded = "\n" * (first_line - 1) + piece
        part = parser.parse(padded)
        if isinstance(part, Module):
            statements.extend(part.statements)
        else:
            found.append(_mended(parser, part, padded) if len(found) < MOST_MENDED else part)
    return Module(tuple(statements)), found or [whole]


def _mended(parser: PolicyParser, found: Diagnostic, text: str) -> Diagnostic:
    """Return what was found in a text that was parsed just now, with a fix where one is near."""
    opened = [str(bracket) for bracket in parser.indenter.open]
    return with_tried_fix(found, text, opened, parser.parse)


@cache
def shared_parser() -> PolicyParser:
    """Return the parser of this process."""
    return PolicyParser()


_TOP_LEVEL = re.compile(r"^(?:@|def\b|class\b)", re.MULTILINE)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield (first line, text) of each stretch that starts a definition at the left margin."""
    starts = [0]
    decorated = False
    for match in _TOP_LEVEL.finditer(text):
        if not decorated and match.start() > 0:
            starts.append(match.start())
        decorated = match.group() == "@"
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text.count("\n", 0, start) + 1, text[start:end]


def _load_tables(indenter: PolicyIndenter, builder: TreeBuilder) -> Lark:
    grammar = GRAMMAR.read_text(encoding="utf-8")
    key = hashlib.sha256(f"{lark.__version__} {sys.version} {grammar}".encode()).hexdigest()[:24]
    path = _cache_folder() / f"grammar-{key}.tables"
    try:
        status = path.stat()
        if status.st_uid == os.getuid() and not status.st_mode & 0o022:
            with path.open("rb") as stream:
                return _adopt(stream.read(), indenter, builder)
    except Exception:  # noqa: BLE001, S110  whatever is wrong with a cache, the answer is to make it anew
        pass
    made = Lark(grammar, parser="lalr", lexer="basic", start="module", postlex=indenter, transformer=builder)
    _save_tables(made, path)
    return made


def _adopt(data: bytes, indenter: PolicyIndenter, builder: TreeBuilder) -> Lark:
    import pickle

    saved = pickle.loads(data)  # noqa: S301  our own file, owner checked by the caller
    parser: Lark = Lark.__new__(Lark)
    parser._load(saved, postlex=indenter, transformer=builder)  # noqa: SLF001  lark's own load() takes no options
    return parser


def _save_tables(made: Lark, path: Path) -> None:
    buffer = io.BytesIO()
    made.save(buffer)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(buffer.getvalue())
        Path(temporary).replace(path)
    except OSError:
        return


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "reclaim"
