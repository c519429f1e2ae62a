"""A consultation at the full rulebook: the same rules in several engines, and where the rest of ``consult`` goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from by_clips import Clips
from by_experta import DefaultExperta
from measuring import arguments, interleaved, table
from people import book_from, people, ranker
from plain_facts import FlatRules

from triage import urgency
from triage.consultation import consult, reason
from triage.engine import infer
from triage.facts import Facts, close
from triage.firing import Firing, Rank, infer_plainly
from triage.intake import settle
from triage.knowledge import TeachingCase
from triage.questions import open_questions
from triage.ranking import rank
from triage.rulebook import Rulebook
from triage.teaching import as_case

Infer: TypeAlias = Callable[[Facts, Rank], Sequence[Firing]]

OURS, REUSED, NEW, CLIPS, PLAIN = "triage", "experta, reused", "experta, new each time", "clipspy", "no engine"


def main() -> None:
    parser = arguments(__doc__ or "", rounds=7)
    parser.add_argument(
        "--sample", type=int, default=8, help="people for experta's defaults, which are slow (default 8)"
    )
    options = parser.parse_args()
    book = book_from(options)
    known = people(book)
    engines(book, [facts for _, facts in known], options.rounds, options.sample)
    steps(book, known, options.rounds)


def engines(book: Rulebook, everyone: Sequence[Facts], rounds: int, sample: int) -> None:
    """From what is known of a person to the set of rules that fired, the ranking between the stages included."""
    flat = FlatRules(book)
    ways: dict[str, Infer] = {
        OURS: lambda facts, standings: infer(book, facts, standings),
        REUSED: DefaultExperta(flat).infer,
        NEW: DefaultExperta(flat, reused=False).infer,
        CLIPS: Clips(flat).infer,
        PLAIN: lambda facts, standings: infer_plainly(book, facts, standings),
    }
    seen = dict.fromkeys(ways, everyone)
    seen[REUSED] = everyone[:: max(1, len(everyone) // sample)][:sample]
    seen[NEW] = seen[REUSED][:2]
    standings = ranker(book)

    def fired(way: Infer, facts: Facts) -> frozenset[tuple[str, str]]:
        return frozenset((firing.kind, firing.id) for firing in way(facts, standings))

    for name, way in ways.items():
        assert all(fired(way, facts) == fired(ways[PLAIN], facts) for facts in seen[name]), name
        print(f"agrees with a plain judgement of the rules on {len(seen[name])} people: {name}")
    firings = sum(len(fired(ways[PLAIN], facts)) for facts in everyone)
    print(f"{len(everyone)} people, {firings / len(everyone):.0f} firings each\n")

    votes = [infer(book, facts, standings) for facts in everyone]

    def everyone_by(name: str) -> Callable[[], object]:
        return lambda: [fired(ways[name], facts) for facts in seen[name]]

    work = {name: everyone_by(name) for name in ways}
    work["of each: ranking"] = lambda: [standings(firings) for firings in votes]
    taken = interleaved(work, rounds)
    each = {name: seconds / len(seen.get(name, everyone)) for name, seconds in taken.items()}
    head = ("rules run by", "ms a person", "to triage's", "triage to it")
    rows = [
        (name, f"{ms * 1000:.2f}", f"{ms / each[OURS]:.2f}", f"{each[OURS] / ms:.3f}" if name in ways else "")
        for name, ms in each.items()
    ]
    table(head, rows)
    print(f"Aims: triage at most 0.2 of '{REUSED}' and at most 1.5 of '{CLIPS}'\n")


def steps(book: Rulebook, known: Sequence[tuple[TeachingCase, Facts]], rounds: int) -> None:
    """The parts of a whole consultation, each run for all people."""
    cases = [as_case(teaching) for teaching, _ in known]
    settled = [settle(case, book) for case in cases]
    reasoned = [reason(book, facts) for _, facts in known]
    reports = [consult(case, book) for case in cases]
    standings = ranker(book)
    taken = interleaved(
        {
            "settle: names and values": lambda: [settle(case, book) for case in cases],
            "close: what follows from them": lambda: [close(intake.said, book) for intake in settled],
            "infer": lambda: [infer(book, facts, standings) for _, facts in known],
            "rank": lambda: [rank(book, r.firings) for r in reasoned],
            "urgency": lambda: [urgency.assess(book, r.facts, r.firings) for r in reasoned],
            "questions": lambda: [
                open_questions(book, r.facts, r.firings, r.ranked, r.urgency, r.examinations) for r in reasoned
            ],
            "consult": lambda: [consult(case, book) for case in cases],
            "as JSON": lambda: [report.model_dump_json() for report in reports],
        },
        rounds,
    )
    taken["infer"] -= taken["rank"]
    whole, json = taken.pop("consult"), taken.pop("as JSON")
    taken["writing the report"] = whole - sum(taken.values())
    taken["as JSON"] = json
    whole += json
    rows = [(name, f"{t / len(cases) * 1000:.2f}", f"{t / whole:.0%}") for name, t in taken.items()]
    table(("step of a consultation", "ms a person", "share"), [*rows, ("all", f"{whole / len(cases) * 1000:.2f}", "")])


if __name__ == "__main__":
    main()
