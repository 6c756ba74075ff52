"""How the house is built: which room may import which, what a package shows, what an import costs."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sarnet

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "sarnet"

FLOORS = [
    "cli",
    "app",
    "report",
    "cohort",
    "benchmark",
    "methods",
    "registration",
    "training",
    "datasets",
    "curation",
    "networks",
    "transforms",
    "images",
    "losses",
    "metrics",
    "fields",
    "config",
    "errors",
    "types",
]
"""Rooms from the top floor to the ground; imports only point down."""

MODULES = sorted(SOURCE.rglob("*.py"))
PACKAGES = sorted(path for path in SOURCE.rglob("__init__.py") if path.parent != SOURCE)
COMMAND_LINE = SOURCE / "cli" / "main.py"


def _name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def _room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def _imports(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Module and names of every import, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), [alias.name for alias in node.names]


def _rooms_imported(tree: ast.AST) -> Iterator[str]:
    for module, names in _imports(tree):
        package, *inner = module.split(".")
        if package == "sarnet" and inner:
            yield inner[0]
        elif package == "sarnet":
            yield from (name for name in names if name != "__version__")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _shown(tree: ast.Module) -> list[str]:
    """The names in `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def test_imports_only_point_down() -> None:
    inside = [path for path in MODULES if path.parent != SOURCE or path.name[:2] != "__"]
    strange = {_room(path) for path in inside} - set(FLOORS)
    assert not strange, f"{strange} are not on the list of packages: put them on their floor"

    climbing = [
        f"{_name(path)} imports {other}, which is above it"
        for path in inside
        for other in _rooms_imported(_tree(path))
        if FLOORS.index(other) < FLOORS.index(_room(path))
    ]

    assert climbing == []


@pytest.mark.parametrize("path", PACKAGES, ids=_name)
def test_package_shows_what_it_imports(path: Path) -> None:
    tree = _tree(path)
    imported = [name for _, names in _imports(tree) for name in names]

    assert sorted(imported) == sorted(_shown(tree))


@pytest.mark.parametrize("path", PACKAGES, ids=_name)
def test_package_file_holds_no_code(path: Path) -> None:
    for node in _tree(path).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_list = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        assert is_docstring or is_list or isinstance(node, ast.ImportFrom), f"line {node.lineno} is code"


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in MODULES}

    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_public_names_are_there_and_in_order() -> None:
    names = _shown(_tree(SOURCE / "__init__.py"))

    assert names == sorted(set(names))
    assert not [name for name in names if not hasattr(sarnet, name)]


def test_version_is_the_newest_release_of_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[?([^\]\s]+)", text, flags=re.MULTILINE)

    assert headings[0] == "Unreleased"
    if headings[1:]:
        assert headings[1] == sarnet.__version__


def test_every_dependency_of_the_lock_is_exact() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]

    assert pins
    assert not [line for line in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)]


def test_importing_the_package_does_not_import_torch() -> None:
    assert "torch" not in _modules_after("import sarnet")


def test_help_does_not_import_torch() -> None:
    ask = (
        "import sys; from sarnet.cli.main import main\nsys.argv[1:] = ['--help']\ntry: main()\nexcept SystemExit: pass"
    )

    assert {"torch", "SimpleITK", "matplotlib"}.isdisjoint(_modules_after(ask))


def test_console_script_leads_to_a_function() -> None:
    assert callable(importlib.import_module("sarnet.cli.main").main)


def _modules_after(statements: str) -> set[str]:
    """Top-level modules that a new interpreter has imported after ``statements``."""
    report = "import sys; print('modules:', *{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", f"{statements}\n{report}"],
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    return set(run.stdout.rpartition("modules:")[2].split())
