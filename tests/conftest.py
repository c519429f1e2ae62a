"""Shared fixtures: the built-in rulebook, its cases, and a small rulebook of a test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from triage.knowledge import TeachingCase
from triage.rulebook import Rulebook, load_rulebook


@pytest.fixture(scope="session")
def book() -> Rulebook:
    return load_rulebook()


@pytest.fixture(scope="session")
def cases(book: Rulebook) -> tuple[TeachingCase, ...]:
    return book.cases()


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[..., Path]:
    """Write rule files by relative path and get the folder back."""

    def write(**files: str) -> Path:
        folder = tmp_path / "overlay"
        for name, text in files.items():
            path = folder / (name.replace("__", "/") + ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write
