"""The arrow of the tree holds, experta stays behind its door, and importing changes nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import triage

PACKAGE = Path(triage.__file__).parent

# From the top of the tree to its bottom: each module imports only from those after it.
ORDER = (
    "__main__", "cli", "evaluation_page", "evaluate", "labelled", "measures", "check", "effect", "teaching", "glossary",
    "explain", "pages", "files", "sinks", "sources", "tables", "columns", "cohort", "crowd", "focal_crowd", "planes",
    "consultation", "lesion_report", "questions", "urgency", "engine", "examination", "lesion_findings", "focal",
    "ranking", "firing", "deficits", "facts", "distribution",
    "reading.patients", "reading.phenopackets", "intake", "reading.hpo", "reading.times", "reading.ontology", "report",
    "case", "rulebook", "implications", "anatomy", "compiling", "knowledge", "when", "documents", "errors", "_version",
)  # fmt: skip


def imports_of(module: str) -> set[str]:
    tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def own_modules(names: set[str]) -> set[str]:
    """Our modules among imported names; a module of a sub-package is reached by its whole path."""
    ours = {name.removeprefix("triage.") for name in names if name.startswith("triage.")}
    return {module for module in ORDER for name in ours if name == module or name.startswith(f"{module}.")}


def test_the_order_names_every_module() -> None:
    paths = [path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py") if path.stem != "__init__"]
    assert set(ORDER) == {".".join(path.parts) for path in paths}


def test_each_module_imports_only_from_those_below_it() -> None:
    for place, module in enumerate(ORDER):
        above = own_modules(imports_of(module)) & set(ORDER[: place + 1])
        assert not above, f"{module} imports {above}"


def test_only_the_engine_knows_experta() -> None:
    for module in ORDER:
        roots = {name.split(".")[0] for name in imports_of(module)}
        assert not roots & {"experta", "frozendict"} or module == "engine", module


def test_importing_leaves_logging_collections_and_warnings_alone() -> None:
    probe = """
import collections, logging, warnings
filters = list(warnings.filters)
handlers = list(logging.getLogger().handlers)
import triage
from triage import Case, consult
consult(Case(findings={"ptosis": "present"}))
assert logging.getLogger().handlers == handlers, logging.getLogger().handlers
assert not hasattr(collections, "Mapping")
assert list(warnings.filters) == filters
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_but_standard_output_is_touched_without_a_network() -> None:
    probe = """
import socket
def refuse(*args, **kwargs):
    raise AssertionError("no network")
socket.socket = refuse
socket.create_connection = refuse
from triage import Case, consult
print(consult(Case(findings={"ptosis": "present"})).recommendation)
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
