"""The rules parsed ahead of time: written when the package is built, read when it starts.

A file is taken from here only while its digest is that of the YAML beside it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from triage.documents import parse_document

COMPILED = "compiled.json"
CASES = "cases"


def compiled_folder(folder: Path) -> dict[str, Any]:
    """The parsed files as stored at build time, so that an installed copy need not parse YAML."""
    try:
        loaded = json.loads((folder / COMPILED).read_bytes())
    except (OSError, ValueError):
        return {}
    entries = loaded.items() if isinstance(loaded, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, dict) and entry.keys() >= {"sha256", "data"}}


def compile_folder(folder: Path) -> bytes:
    """What ``compiled.json`` holds for a folder: each file's digest and its parsed data."""
    compiled = {}
    for path in sorted(folder.rglob("*.yaml")):
        data = path.read_bytes()
        relative = path.relative_to(folder).as_posix()
        if not relative.startswith(f"{CASES}/"):
            compiled[relative] = {"sha256": hashlib.sha256(data).hexdigest(), "data": parse_document(data, relative)}
    return json.dumps(compiled, ensure_ascii=False, separators=(",", ":")).encode()
