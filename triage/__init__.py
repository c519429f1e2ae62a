"""Rule-based symptom-to-site triage for neuromuscular complaints.

``consult(Case(findings={"ptosis": "present"}))`` gives a :class:`Report`; it always ends by sending the person to a
clinician. Importing the package costs next to nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from triage._version import __version__

if TYPE_CHECKING:
    from triage.case import Case
    from triage.consultation import consult
    from triage.errors import CaseError, Problem, RulebookError, TriageError
    from triage.report import Report
    from triage.rulebook import Rulebook, load_rulebook
    from triage.tables import consult_batches as consult_batches
    from triage.tables import consult_cases as consult_cases
    from triage.tables import consult_table as consult_table

# What needs an extra is left out: a star import must not ask for it.
__all__ = [
    "Case",
    "CaseError",
    "Problem",
    "Report",
    "Rulebook",
    "RulebookError",
    "TriageError",
    "__version__",
    "consult",
    "load_rulebook",
]

_HOMES = {
    "Case": "case",
    "CaseError": "errors",
    "Problem": "errors",
    "Report": "report",
    "Rulebook": "rulebook",
    "RulebookError": "errors",
    "TriageError": "errors",
    "consult": "consultation",
    "consult_batches": "tables",
    "consult_cases": "tables",
    "consult_table": "tables",
    "load_rulebook": "rulebook",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"triage.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, *(_HOMES.keys() - set(__all__))]
