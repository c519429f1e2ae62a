"""Rule-based symptom-to-site triage for neuromuscular complaints.

``consult(Case(findings={"ptosis": "present"}))`` gives a :class:`Report`; it always ends by sending the person to a
clinician.
"""

from triage._version import __version__
from triage.case import Case
from triage.consult import consult
from triage.errors import CaseError, Problem, RulebookError, TriageError
from triage.report import Report
from triage.rulebook import Rulebook, load_rulebook

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
