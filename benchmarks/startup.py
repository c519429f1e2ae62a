"""From nothing to an answer: fresh processes, their time and their memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from measuring import arguments, process, table, triage_command

ASSESS = (
    "assess --finding ptosis --finding diplopia --finding fatigable_weakness --absent numbness --age 34 --sex female"
)

PARTS = """
import json, sys, time
start = time.perf_counter()
import triage
named = time.perf_counter()
import triage.consultation
imported = time.perf_counter()
book = triage.load_rulebook(sys.argv[1] or None)
loaded = time.perf_counter()
from triage.facts import Facts
from triage.engine import infer
from triage.ranking import rank
def once():
    before = time.perf_counter()
    infer(book, Facts(), lambda firings: rank(book, firings).standings)
    return time.perf_counter() - before
print(json.dumps({
    "import triage": named - start,
    "what a consultation imports": imported - named,
    "load_rulebook": loaded - imported,
    "engine build": once() - once(),
}))
"""

AIMS = {"import triage": 0.25, "load and build": 0.6, "triage assess": 1.2}


def main() -> None:
    options = arguments(__doc__ or "", rounds=9).parse_args()
    rules = str(options.rules.resolve()) if options.rules else ""
    python = (sys.executable, "-c")
    assess = [*triage_command(), *ASSESS.split(), *(("--rules", rules) if rules else ())]
    whole: dict[str, list[float]] = {}
    peaks: dict[str, list[float]] = {}
    parts: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name, command in {
            "python -c pass": (*python, "pass"),
            "python -c 'import triage'": (*python, "import triage"),
            "triage assess": assess,
        }.items():
            seconds, megabytes = process(command)
            whole.setdefault(name, []).append(seconds)
            peaks.setdefault(name, []).append(megabytes)
        done = subprocess.run([*python, PARTS, rules], check=True, capture_output=True, text=True)
        measured = json.loads(done.stdout)
        measured["load and build"] = measured["load_rulebook"] + measured["engine build"]
        for name, seconds in measured.items():
            parts.setdefault(name, []).append(seconds)
    print(f"{' '.join(assess)}\nRules {_state(rules)}\n")
    rows = [(n, f"{median(t):.3f}", f"{median(peaks[n]):.0f}", f"{AIMS.get(n, '')}") for n, t in whole.items()]
    table(("a whole process", "seconds", "peak MB", "aim"), rows)
    table(
        ("within a first process", "seconds", "aim"),
        [(name, f"{median(taken):.3f}", f"{AIMS.get(name, '')}") for name, taken in parts.items()],
    )


def _state(rules: str) -> str:
    """Whether the rules come parsed ahead of time: an installed copy's do, a checkout's do not."""
    folder = Path(rules) if rules else _builtin()
    return "compiled when the package was built" if (folder / "compiled.json").is_file() else "parsed from YAML"


def _builtin() -> Path:
    from triage.rulebook import builtin_folder

    return builtin_folder()


if __name__ == "__main__":
    main()
