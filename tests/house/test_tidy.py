"""The house rules as tests: sizes, banned names, and no clock, chance, I/O or float below."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FILE_LINES_MAX, FUNCTION_LINES_MAX, COLUMNS_MAX = 500, 70, 100
BANNED_FILES = {"utils", "util", "helpers", "manager", "common", "base", "core", "models",
                "services", "impl", "misc", "data", "info", "process"}
DETERMINISTIC = ("terms", "members", "chips", "units", "chain", "ledger", "market", "schedule",
                 "settlement", "domain")
ALLOWED_IMPORTS = {"collections", "dataclasses", "decimal", "enum", "typing", "types", "functools",
                   "bisect", "itertools", "struct", "hashlib", "csv", "io", "numpy", "numba",
                   "nacl", "cbor2", "suanli"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=name_of)
def test_sizes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX
    assert [n for n, line in enumerate(text.splitlines(), 1) if len(line) > COLUMNS_MAX] == []
    too_long = [node.name for node in ast.walk(ast.parse(text))
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX]
    assert too_long == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_names_and_headers(path: Path) -> None:
    assert path.stem not in BANNED_FILES
    assert path.parent.name not in BANNED_FILES
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a file says what it is"
    assert [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
            and node.name.startswith("handle_")] == []
    assert "TODO" not in path.read_text(encoding="utf-8")


BELOW = [p for p in SOURCES if p.relative_to(ROOT / "src" / "suanli").parts[0] in DETERMINISTIC]


@pytest.mark.parametrize("path", BELOW, ids=name_of)
def test_no_clock_chance_io_or_float_at_or_below_domain(path: Path) -> None:
    found = list(_impurities(ast.parse(path.read_text(encoding="utf-8"))))
    assert found == []


def _impurities(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (n.name for n in names if n.name.split(".")[0] not in ALLOWED_IMPORTS)
            case ast.ImportFrom(module=module):
                if (module or "").split(".")[0] not in ALLOWED_IMPORTS:
                    yield str(module)
            case ast.Constant(value=float()):
                yield f"float {node.value} in line {node.lineno}"
            case ast.Name(id="float" | "open" | "print" | "input"):
                yield f"{node.id} in line {node.lineno}"
            case ast.BinOp(op=ast.Div()):
                if "Decimal" not in ast.unparse(node) and not _is_decimal(tree):
                    yield f"/ in line {node.lineno}"


def _is_decimal(tree: ast.AST) -> bool:
    """Say whether a file does its divisions in `decimal` (the rating formula)."""
    return any(isinstance(node, ast.ImportFrom) and node.module == "decimal"
               for node in ast.walk(tree))


def test_the_check_finds_what_it_looks_for() -> None:
    for bad in ("import time", "from random import random", "x = 1.5", "y = a / b", "open('f')"):
        assert list(_impurities(ast.parse(bad))), bad
