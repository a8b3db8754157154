"""The commands that list the contract, and the one that writes a policy to start from."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reclaim.abi.costs import COSTS
from reclaim.abi.counters import COUNTERS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.options import OPTIONS
from reclaim.cli import codes, costs, counters, helpers, hooks, options, policies
from reclaim.cli.new import TEMPLATE, write_policy
from reclaim.diag.errors import ConfigError
from reclaim.diag.registry import pages
from reclaim.engine.shipped import shipped_policies

SIZES = [
    (hooks.command, "hooks", len(HOOKS)),
    (helpers.command, "helpers", len(HELPERS)),
    (counters.command, "counters", len(COUNTERS)),
    (costs.command, "costs", len(COSTS)),
    (options.command, "options", len(OPTIONS)),
    (codes.command, "codes", len(pages())),
]


@pytest.mark.parametrize(("command", "what", "size"), SIZES, ids=str)
def test_listing_as_json_holds_every_entry(command: object, what: str, size: int) -> None:
    """JSON alone on stdout, one object per entry of the table."""
    result = CliRunner().invoke(command, ["--json"])  # type: ignore[arg-type]

    assert len(json.loads(result.stdout)[what]) == size


@pytest.mark.parametrize("hook", HOOKS)
def test_listing_of_one_hook_shows_its_question(hook: str) -> None:
    """NAME shows everything about one entry."""
    result = CliRunner().invoke(hooks.command, [hook])

    assert HOOKS[hook].purpose.split()[-1] in result.stdout


def test_listing_method_name_alone_shows_it_for_all_receivers() -> None:
    """`add` is a method of several maps; all are shown."""
    result = CliRunner().invoke(helpers.command, ["--json", "add"])

    names = [entry["name"] for entry in json.loads(result.stdout)["helpers"]]
    assert names == ["hash_set.add", "lru_set.add", "bloom_filter.add"]


def test_listing_unknown_name_suggests_the_nearest() -> None:
    """A slip of the pen gets the name that was meant."""
    result = CliRunner().invoke(hooks.command, ["reclaim_foli"])

    assert isinstance(result.exception, ConfigError)
    assert "did you mean `reclaim_folio`?" in str(result.exception)


def test_written_policy_is_python_with_a_complete_head(tmp_path: Path) -> None:
    """What an author starts from meets the rules for shipped policies."""
    tree = ast.parse(write_policy("mine", tmp_path).read_text(encoding="utf-8"))

    head = ast.get_docstring(tree) or ""
    assert all(word in head for word in ("mine:", "Source:", "Suited for:", "Known limits:"))


@pytest.mark.parametrize("name", ["2q", "my-policy", "a/b", "../x", "", "class", "naïve", "x.rpol"])
def test_written_policy_name_that_is_no_identifier_is_refused(tmp_path: Path, name: str) -> None:
    """Tunables are set as `name.tunable`, so the name must be an identifier."""
    with pytest.raises(ConfigError, match="cannot be the name of a policy"):
        write_policy(name, tmp_path)


def test_written_policy_existing_file_is_kept(tmp_path: Path) -> None:
    """Nobody loses a policy to a template."""
    (tmp_path / "mine.rpol").write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigError, match="exists already"):
        write_policy("mine", tmp_path)

    assert (tmp_path / "mine.rpol").read_text(encoding="utf-8") == "mine"


def test_written_policy_unwritable_folder_is_a_clear_error(tmp_path: Path) -> None:
    """A folder that is not there is named, without a traceback."""
    with pytest.raises(ConfigError, match="cannot be written"):
        write_policy("mine", tmp_path / "missing")


def test_template_leaves_no_placeholder() -> None:
    """Every brace of the template is filled in."""
    assert "{" not in TEMPLATE.format(name="mine")


def test_policies_as_json_names_every_shipped_policy_with_its_tunables() -> None:
    """What `--set` can name stands in the listing, with the type and range that it has."""
    result = CliRunner().invoke(policies.command, ["--json"])

    entries = {entry["name"]: entry for entry in json.loads(result.stdout)["policies"]}
    tunables = {tunable["name"]: tunable for tunable in entries["s3fifo"]["tunables"]}
    assert set(entries) == set(shipped_policies())
    assert (tunables["small_percent"]["type"], tunables["small_percent"]["max"]) == ("u32", 90)


def test_policies_of_a_file_shows_its_hooks_and_costs(tmp_path: Path) -> None:
    """An author's own file is shown like a built-in policy."""
    path = write_policy("mine", tmp_path)

    result = CliRunner().invoke(policies.command, [str(path), "--json"])

    entry = json.loads(result.stdout)["policies"][0]
    assert entry["name"] == "mine"
    assert set(entry["hooks"]) == {"folio_added", "folio_accessed", "next_batch", "reclaim_folio"}


@pytest.mark.parametrize("name", ["s3fif", "missing.rpol"])
def test_policies_unknown_name_is_a_clear_error(name: str) -> None:
    """A name or file that is not there is named."""
    result = CliRunner().invoke(policies.command, [name])

    assert isinstance(result.exception, ConfigError)
    assert name in str(result.exception)
