"""The Human Phenotype Ontology as ``rules/hpo.tsv`` has it: which terms there are, and which lies under which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from triage.errors import did_you_mean
from triage.rulebook import HPO_TABLE, Rulebook, builtin_folder

_CODE = re.compile(r"\s*hp[:_](\d+)\s*", re.IGNORECASE)
_COLUMNS = 5


def hpo_code(text: str) -> str | None:
    """``HP:0000508`` for that, ``hp:0000508`` or ``HP_0000508``; nothing for words."""
    match = _CODE.fullmatch(text)
    return f"HP:{match[1]}" if match else None


class Ontology:
    """The terms of one release, by identifier; read once and then only looked at."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        self.release = lines[0].rpartition(" ")[2] if lines else ""
        rows = [line.split("\t") for line in lines if line.startswith("HP:")]
        self._rows = {row[0]: row for row in rows if len(row) == _COLUMNS}
        self._alternatives = {old: row[0] for row in rows if row[3] for old in row[3].split(" ")}
        self._labels: dict[str, str] = {}
        self._above: dict[str, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def label(self, code: str) -> str:
        """The label of a known code."""
        return self._rows[code][1]

    def is_obsolete(self, code: str) -> bool:
        """Whether the release gave a known code up, with or without a replacement."""
        return bool(self._rows[code][4])

    def parents(self, code: str) -> tuple[str, ...]:
        """The terms directly above a code; none for one that the table does not have."""
        row = self._rows.get(code)
        return tuple(row[2].split()) if row else ()

    def current(self, text: str) -> str | None:
        """The code in force for a code, an obsolete or alternative code, or a label; nothing if there is none.

        An obsolete term without a replacement stays itself.
        """
        code = hpo_code(text)
        if code is None:
            return self._by_label.get(_words(text))
        if code not in self._rows:
            code = self._alternatives.get(code, code)
        row = self._rows.get(code)
        if row is None:
            return None
        return row[4] if row[4] in self._rows else self._alternatives.get(code, code) if row[4] else code

    def above(self, code: str) -> frozenset[str]:
        """Every term above a code, the code itself not among them."""
        known = self._above.get(code)
        if known is None:
            parents = self.parents(code)
            known = self._above[code] = frozenset(parents).union(*(self.above(parent) for parent in parents))
        return known

    def near(self, words: str) -> str:
        """``' Did you mean ...?'`` over the labels that share a word with these."""
        stems = {word[:5] for word in re.findall(r"[a-z]{4,}", words.casefold()[:80])}
        return did_you_mean(_words(words)[:80], (one for one in self._by_label if any(stem in one for stem in stems)))

    @property
    def _by_label(self) -> dict[str, str]:
        if not self._labels:
            self._labels = {_words(row[1]): code for code, row in self._rows.items() if not row[4]}
        return self._labels


def _words(text: str) -> str:
    return " ".join(text.split()).casefold()


def ontology_of(book: Rulebook) -> Ontology:
    """The ontology a rulebook brings along, or else the built-in one; read on first use (about 20 ms) and kept."""
    path = next(_tables(book))
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


def _tables(book: Rulebook) -> Iterator[Path]:
    for folder in reversed(book.folders):
        if (folder / HPO_TABLE).is_file():
            yield folder / HPO_TABLE
    yield builtin_folder() / HPO_TABLE


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int, _size: int) -> Ontology:
    return Ontology(path.read_text(encoding="utf-8"))
