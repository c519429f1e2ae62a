"""Reads YAML and JSON safely: bounded in size, no duplicate keys, no aliases, and it says where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.errors import Problem

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 5_000_000
_MAX_DEPTH = 60


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
        if path.stat().st_size > MAX_BYTES:
            raise DocumentError(f"is larger than {MAX_BYTES // 1_000_000} MB; a case is a few lines", str(path))
        return path.read_bytes()
    except FileNotFoundError:
        raise DocumentError("there is no such file; check the path", str(path)) from None
    except IsADirectoryError:
        raise DocumentError("is a folder; name a file in it", str(path)) from None
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}", str(path)) from None


def parse_document(data: bytes, file: str) -> Any:
    """Plain Python data from YAML or JSON (which is YAML).

    Raises:
        DocumentError: not text, not YAML, a duplicate key, an anchor or alias, or nested too deeply.
    """
    if len(data) > MAX_BYTES:
        raise DocumentError(f"is larger than {MAX_BYTES // 1_000_000} MB; a case is a few lines", file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError("is not text (UTF-8); a case is a YAML or JSON file", file) from None
    # Tabs are legal in JSON but not at the start of YAML lines.
    if text.lstrip().startswith(("{", "[")):
        text = text.replace("\t", " ")
    if text.count("[") + text.count("{") > 200_000 or _deepest(text) > _MAX_DEPTH:
        raise DocumentError(f"is nested more than {_MAX_DEPTH} levels deep", file)
    # Imported here: an installed copy reads compiled rules, and most of its runs never see YAML.
    import yaml

    # PyYAML without libyaml reads the same, more slowly.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(text, Loader=loader)
    except yaml.reader.ReaderError:
        raise DocumentError("contains control characters; a case is a plain YAML or JSON file", file) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise DocumentError(f"is not valid YAML: {error.problem or error.context}", file, line) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentError(f"is not valid YAML: {type(error).__name__}", file) from None
    return None if node is None else _plain(node, file, set(), 0)


def _deepest(text: str) -> int:
    """The deepest flow nesting: checked first, because the parser itself recurses."""
    depth = deepest = 0
    for char in text:
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _plain(node: yaml.Node, file: str, seen: set[int], depth: int) -> Any:
    import yaml

    line = node.start_mark.line + 1
    if depth > _MAX_DEPTH:
        raise DocumentError(f"is nested more than {_MAX_DEPTH} levels deep", file, line)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, file, line)
    # An alias gives the very same node again: refused, so nothing can multiply.
    if id(node) in seen:
        raise DocumentError("uses an anchor or alias; write the value out", file, line)
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, file, seen, depth + 1) for child in node.value]
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _plain(key_node, file, seen, depth + 1)
        if not isinstance(key, (str, int, float, bool)):
            raise DocumentError("a key must be a single word", file, key_node.start_mark.line + 1)
        if key in mapping:
            raise DocumentError(f"the key '{key}' stands twice; keep one", file, key_node.start_mark.line + 1)
        mapping[key] = _plain(value_node, file, seen, depth + 1)
    return mapping


def _scalar(node: yaml.ScalarNode, file: str, line: int) -> Any:
    text: str = node.value
    kind = node.tag.rpartition(":")[2]
    try:
        if kind == "int":
            return int(text.replace("_", ""), 0) if len(text) < 30 else float(text)
        if kind == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").replace(".NaN", "nan"))
    except ValueError:
        return text
    if kind == "bool":
        return text.lower() in ("yes", "true", "on")
    if kind == "null":
        return None
    if kind in ("str", "timestamp"):
        return text
    raise DocumentError(f"the tag '{node.tag}' is not allowed; write plain values", file, line)
