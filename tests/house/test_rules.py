"""The rules of the house that imports cannot see. A list of exceptions here may only shrink."""

import ast
import functools
import inspect
import re
import tomllib
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from django.apps import apps
from django.db import models
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tocsin"
# Low to high; those on one line do not know each other.
STOREYS = (
    {"audit"},
    {"identity"},
    {"oncall", "notify"},
    {"escalation"},
    {"catalog"},
    {"integrations"},
    {"alerts"},
    {"incidents"},
    {"monitors", "postmortems", "runbooks", "statuspages"},
    {"metrics"},
    {"configuration"},
)
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
# path (or path:function) → why it may be longer.
LONGER: dict[str, str] = {}
# path:line's function → why it imports late.
LATE_IMPORTS: dict[str, str] = {}
# module.function of tocsin.lib.clock and tocsin.lib.ids, spelt as others would be tempted to.
CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("timezone", "now"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "perf_counter"),
    ("time", "sleep"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
    ("uuid", "uuid7"),
    ("os", "urandom"),
}
RANDOM_MODULES = {"random", "secrets"}


def _sources() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in path.parts:
            yield str(path.relative_to(ROOT)), path


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_foreign_keys_point_to_the_same_or_a_lower_app() -> None:
    floor = {name: number for number, names in enumerate(STOREYS) for name in names}
    wrong = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in apps.get_models()
        if model._meta.app_label in floor
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey | models.ManyToManyField)
        and isinstance(field.related_model, type)
        and (target := field.related_model._meta.app_label) in floor
        and target != model._meta.app_label
        and floor[target] >= floor[model._meta.app_label]
    ]
    assert wrong == []


def test_every_app_has_its_storey() -> None:
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("tocsin.apps.")}
    assert ours <= set().union(*STOREYS)


def test_only_lib_reads_the_clock_and_randomness() -> None:
    wrong = []
    for name, path in _sources():
        if name.startswith("tocsin/lib/"):
            continue
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Attribute) and _spelt(node.value) is not None:
                if (_spelt(node.value), node.attr) in CLOCKS:
                    wrong.append(f"{name}:{node.lineno} {_spelt(node.value)}.{node.attr}")
            elif isinstance(node, ast.Import):
                wrong += [f"{name}:{node.lineno} {n.name}" for n in node.names if n.name in RANDOM_MODULES]
            elif isinstance(node, ast.ImportFrom) and (
                node.module in RANDOM_MODULES
                or any((node.module, alias.name) in CLOCKS for alias in node.names)
            ):
                wrong.append(f"{name}:{node.lineno} from {node.module}")
    assert wrong == []


def _spelt(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def test_files_stay_short() -> None:
    long = {
        name: length
        for name, path in _sources()
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
        and name not in LONGER
    }
    assert long == {}


def test_functions_fit_a_screen() -> None:
    long = [
        f"{name}:{node.name} ({length})"
        for name, path in _sources()
        for node in _functions(_tree(path))
        if (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
        and f"{name}:{node.name}" not in LONGER
    ]
    assert long == []


def test_nothing_is_imported_inside_a_function() -> None:
    late = {
        f"{name}:{function.name}"
        for name, path in _sources()
        for function in _functions(_tree(path))
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert late - set(LATE_IMPORTS) == set()


def test_lists_of_exceptions_hold_nothing_that_is_fine() -> None:
    named = {entry.partition(":")[0] for entry in (*LONGER, *LATE_IMPORTS)}
    assert [name for name in named if not (ROOT / name).exists()] == []


def _public(kind: str) -> Iterator[tuple[str, Any]]:
    for config in apps.get_app_configs():
        if not config.name.startswith("tocsin.apps."):
            continue
        folder = Path(config.path)
        if not (folder / f"{kind}.py").exists() and not (folder / kind).is_dir():
            continue
        module = import_module(f"{config.name}.{kind}")
        for name, member in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("_") and member.__module__.startswith(f"{config.name}.{kind}"):
                yield f"{config.label}.{kind}.{name}", member


@pytest.mark.parametrize("kind", ["actions", "queries"])
def test_actions_and_queries_say_what_they_take_and_give(kind: str) -> None:
    bare = []
    for name, function in _public(kind):
        hints = get_type_hints(inspect.unwrap(function))
        taken = set(inspect.signature(function).parameters)
        if not taken <= set(hints) or "return" not in hints:
            bare.append(name)
    assert bare == []


@pytest.mark.parametrize("kind", ["actions", "queries"])
def test_no_model_leaves_an_app(kind: str) -> None:
    leaking = [
        f"{name} -> {found.__name__}"
        for name, function in _public(kind)
        for found in _types(get_type_hints(inspect.unwrap(function)).get("return"))
        if isinstance(found, type) and issubclass(found, models.Model | models.QuerySet)
    ]
    assert leaking == []


@pytest.mark.parametrize("kind", ["actions", "queries"])
def test_values_that_leave_an_app_are_frozen(kind: str) -> None:
    soft = [
        f"{name} -> {found.__name__}"
        for name, function in _public(kind)
        for found in _types(get_type_hints(inspect.unwrap(function)).get("return"))
        if isinstance(found, type) and is_dataclass(found) and not found.__dataclass_params__.frozen  # type: ignore[attr-defined]
    ]
    assert soft == []


def _types(hint: Any) -> Iterator[Any]:
    yield hint
    for part in get_args(hint):
        yield from _types(part)


def test_the_actor_of_an_action_is_named_at_the_call() -> None:
    positional = [
        name
        for name, function in _public("actions")
        if (actor := inspect.signature(function).parameters.get("actor"))
        and actor.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    assert positional == []


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_python_locks_hold_hashes_and_name_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"index-url|find-links|trusted-host|https?:|file:", text)
    pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert [line for line in pinned if "==" not in line or not line.endswith("\\")] == []


@pytest.mark.parametrize(("lock", "extra"), [("requirements.lock", ""), ("requirements-dev.lock", "dev")])
def test_python_locks_hold_what_the_project_asks_for(lock: str, extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(each) for each in project["dependencies"]]
    wanted += [Requirement(each) for each in project["optional-dependencies"].get(extra, [])]
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    held = {
        canonicalize_name(line.split("==")[0]): line.split("==")[1].rstrip(" \\")
        for line in lines
        if "==" in line and not line.startswith(" ")
    }
    lacking = [
        str(each)
        for each in wanted
        if not each.specifier.contains(held.get(canonicalize_name(each.name), "0"), prereleases=True)
    ]
    assert lacking == []


def test_the_web_lock_names_no_host() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity"') == text.count('"node_modules/')
