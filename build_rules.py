"""Build hook: parse the rules once, so that an installed copy starts without reading YAML."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileRules(BuildHookInterface[Any]):
    """Puts ``compiled.json`` beside the rules in the wheel; it is trusted only where it matches the files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        compiled = root / "build" / "compiled.json"
        compiled.parent.mkdir(exist_ok=True)
        compiled.write_bytes(_module(root, "compiling").compile_folder(root / "rules"))
        build_data["force_include"][str(compiled)] = "triage/rules/compiled.json"


def _module(root: Path, name: str) -> Any:
    """A module of the package, loaded without the package: its other dependencies are not there at build time."""
    sys.path.insert(0, str(root))
    try:
        package = importlib.util.module_from_spec(
            importlib.util.spec_from_loader("triage", loader=None, is_package=True)
        )
        package.__path__ = [str(root / "triage")]
        sys.modules.setdefault("triage", package)
        return importlib.import_module(f"triage.{name}")
    finally:
        sys.path.pop(0)
