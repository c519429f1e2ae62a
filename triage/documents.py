"""Reads YAML and JSON safely: bounded in size and depth, no duplicate keys, no aliases, no tags, and it says where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from triage.errors import Problem

MAX_BYTES = 5_000_000
_MAX_DEPTH = 60
_TOO_DEEP = f"is nested more than {_MAX_DEPTH} levels deep"


class DocumentError(ValueError):
    """A document that cannot be read; carries what and where."""

    def __init__(self, message: str, file: str, line: int | None = None) -> None:
        self.problem = Problem(message, file=f"{file}, line {line}" if line is not None else file)
        super().__init__(str(self.problem))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of reasonable size.

    Raises:
        DocumentError: it is missing, a folder, unreadable or larger than 5 MB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DocumentError("there is no such file; check the path", str(path)) from None
    except IsADirectoryError:
        raise DocumentError("is a folder; name a file in it", str(path)) from None
    except (OSError, ValueError) as error:
        raise DocumentError(f"cannot be read: {getattr(error, 'strerror', None) or error}", str(path)) from None
    _refuse_too_large(data, str(path))
    return data


def _refuse_too_large(data: bytes, file: str) -> None:
    if len(data) > MAX_BYTES:
        raise DocumentError(f"is larger than {MAX_BYTES // 1_000_000} MB; a case is a few lines", file)


def parse_document(data: bytes, file: str) -> Any:
    """Plain Python data from JSON or YAML.

    Raises:
        DocumentError: not text, neither JSON nor YAML, a duplicate key, an anchor, alias or tag, or too deep.
    """
    _refuse_too_large(data, file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError("is not text (UTF-8); a case is a YAML or JSON file", file) from None
    if text.lstrip().startswith(("{", "[")):
        try:
            document = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, file))
        except RecursionError:
            raise DocumentError(_TOO_DEEP, file) from None
        except DocumentError:
            raise
        except ValueError:
            pass  # not JSON, but it may be YAML that begins with a bracket
        else:
            _refuse_deep(document, file)
            return document
    return _parse_yaml(text, file)


def _refuse_deep(document: Any, file: str) -> None:
    level = [document]
    for _ in range(_MAX_DEPTH + 1):
        inner: list[Any] = []
        for value in level:
            inner += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        level = inner
    if level:
        raise DocumentError(_TOO_DEEP, file)


def _unique(pairs: list[tuple[str, Any]], file: str) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DocumentError(f"the key '{twice}' stands twice; keep one", file)
    return mapping


def _parse_yaml(text: str, file: str) -> Any:
    """YAML read event by event: nothing is built that would multiply, recurse or run."""
    # Imported here: an installed copy reads compiled rules, and most of its runs never see YAML.
    import yaml

    # PyYAML without libyaml reads the same, more slowly.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.reader.ReaderError:
        raise DocumentError("contains control characters; a case is a plain YAML or JSON file", file) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise DocumentError(f"is not valid YAML: {error.problem or error.context}", file, line) from None
    return builder.result


_NO_KEY = object()
_EVENTS = (
    "DocumentStartEvent", "AliasEvent", "SequenceStartEvent", "MappingStartEvent", "SequenceEndEvent",
    "MappingEndEvent", "ScalarEvent",
)  # fmt: skip


class _Builder:
    """Puts YAML events together into lists, mappings and plain values."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.result: Any = None
        self._open: list[list[Any] | dict[Any, Any]] = []
        self._keys: list[Any] = []
        self._documents = 0
        self._handlers: dict[str, Callable[[Any], None]] = {name: getattr(self, f"_{name}") for name in _EVENTS}

    def take(self, event: Any) -> None:
        handler = self._handlers.get(type(event).__name__)
        if handler is not None:
            handler(event)

    def _fail(self, message: str, event: Any) -> None:
        raise DocumentError(message, self.file, event.start_mark.line + 1)

    def _DocumentStartEvent(self, event: Any) -> None:  # noqa: N802 - named after the event
        self._documents += 1
        if self._documents > 1:
            self._fail("holds more than one document; keep one", event)

    def _AliasEvent(self, event: Any) -> None:  # noqa: N802
        self._fail("uses an anchor or alias; write the value out", event)

    def _begin(self, event: Any, container: list[Any] | dict[Any, Any]) -> None:
        self._refuse_marks(event)
        if len(self._open) >= _MAX_DEPTH:
            self._fail(_TOO_DEEP, event)
        if self._open and isinstance(self._open[-1], dict) and self._keys[-1] is _NO_KEY:
            self._fail("a key must be a single word", event)
        self._open.append(container)
        self._keys.append(_NO_KEY)

    def _SequenceStartEvent(self, event: Any) -> None:  # noqa: N802
        self._begin(event, [])

    def _MappingStartEvent(self, event: Any) -> None:  # noqa: N802
        self._begin(event, {})

    def _end(self, event: Any) -> None:
        self._keys.pop()
        self._place(self._open.pop(), event)

    _SequenceEndEvent = _MappingEndEvent = _end

    def _ScalarEvent(self, event: Any) -> None:  # noqa: N802
        self._refuse_marks(event)
        self._place(_scalar(event.value) if event.implicit[0] else event.value, event)

    def _refuse_marks(self, event: Any) -> None:
        if event.anchor is not None:
            self._fail("uses an anchor or alias; write the value out", event)
        if event.tag is not None:
            self._fail(f"the tag '{event.tag}' is not allowed; write plain values", event)

    def _place(self, value: Any, event: Any) -> None:
        if not self._open:
            self.result = value
            return
        container = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        elif self._keys[-1] is _NO_KEY:
            if value is None or not isinstance(value, (str, int, float)):
                self._fail("a key must be a single word", event)
            if value in container:
                self._fail(f"the key '{value}' stands twice; keep one", event)
            self._keys[-1] = value
        else:
            container[self._keys[-1]] = value
            self._keys[-1] = _NO_KEY


_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.?[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", re.IGNORECASE)
_WORDS = {
    "yes": True,
    "true": True,
    "on": True,
    "no": False,
    "false": False,
    "off": False,
    "null": None,
    "~": None,
    "": None,
}


@lru_cache(maxsize=4096)
def _scalar(text: str) -> Any:
    """A plain scalar: a number, yes or no, nothing, or text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
