"""What is known about one person."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from triage.knowledge import Given


class Case(BaseModel):
    """Answers as they were given; names and values are checked against a rulebook on intake.

    ``findings`` maps a finding's name (or HPO id, or one of its synonyms) to ``present``, ``absent``, ``unsure``, a
    side (``left``, ``right``, ``both``), a choice or a number. A list of answers that contradict each other is kept
    as a contradiction. A finding that is not mentioned is unknown, never absent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    findings: Given = {}
    age: float | None = Field(default=None, strict=True, description="years; 0.5 is six months")
    sex: str | None = Field(default=None, description="female or male")
    id: str | None = None
    story: str | None = Field(default=None, description="the person's own words; shown, not read")

    def answers(self) -> Given:
        """All answers in one mapping, age and sex among them; answers given twice are all kept."""
        answers: Given = dict(self.findings)
        for name in ("age", "sex"):
            value = getattr(self, name)
            if value is not None:
                known = answers.get(name, [])
                answers[name] = [value, *(known if isinstance(known, list) else [known])] if known else value
        return answers
