"""What is known about one person."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from triage.knowledge import Given


class Notice(BaseModel):
    """Something about the input a reader should know, such as a contradiction or a term read as a finding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["contradiction", "read_as", "unread"]
    message: str
    findings: tuple[str, ...] = ()


class Feature(BaseModel):
    """A coded observation as it came, for instance from a phenopacket, and what it was read as."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    label: str = ""
    excluded: bool = False
    spoke_of: tuple[str, ...] = Field(
        default=(), description="the findings it was read as; empty: it says nothing here"
    )
    source: dict[str, Any] = Field(default={}, description="the observation in the words of the document")


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
    features: tuple[Feature, ...] = Field(
        default=(), description="coded observations it was read from; shown, not read"
    )
    notices: tuple[Notice, ...] = Field(default=(), description="what was noticed when it was read")
    kept: dict[str, Any] = Field(default={}, description="the rest of the document it was read from; written back")

    def answers(self) -> Given:
        """All answers in one mapping, age and sex among them; answers given twice are all kept."""
        answers: Given = dict(self.findings)
        for name in ("age", "sex"):
            value = getattr(self, name)
            if value is not None:
                known = answers.get(name, [])
                answers[name] = [value, *(known if isinstance(known, list) else [known])] if known else value
        return answers
