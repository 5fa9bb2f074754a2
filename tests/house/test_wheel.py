"""The wheel is whole: grammar, migrations and examples travel with it, and it works where no source tree is."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.house.source import PACKAGES, ROOT, SRC

# import name -> distribution, where they differ
DISTRIBUTIONS = {"rfc3161_client": "rfc3161-client", "jwt": "pyjwt", "yaml": "pyyaml"}


def settings() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def name_of(requirement: str) -> str:
    for mark in "<>=!~[; ":
        requirement = requirement.partition(mark)[0]
    return requirement.strip().lower()


def test_every_import_is_declared_and_every_declaration_is_imported() -> None:
    project = settings()
    declared = {name_of(one) for one in project["dependencies"]}
    extras = {name_of(one) for group in project.get("optional-dependencies", {}).values() for one in group}
    used: set[str] = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                used.add((node.module or "").partition(".")[0])
    used = {DISTRIBUTIONS.get(name, name) for name in used if name not in sys.stdlib_module_names} - {*PACKAGES, ""}
    assert sorted(used - declared - extras) == [], "imported, not declared"
    # declared from the first day: the async driver, the configuration, and the second opinion on signatures
    waiting = {"anyio", "pydantic", "pyjwt"}
    assert sorted(declared - used - waiting) == [], "declared, not imported"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    return build(folder)


def build(folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.slow
def test_the_wheel_carries_everything(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        described = Parser().parsestr(archive.read(metadata).decode())
        for name in ("intended.lark", "intended.table.json"):
            assert archive.read(f"intended_core/lang/{name}") == (ROOT / "grammar" / name).read_bytes()
    expected = {
        str(path.relative_to(SRC))
        for path in SRC.rglob("*")
        if path.is_file()
        and "_cache" not in str(path)
        and "__pycache__" not in str(path)
        and not path.name.startswith(".")
    }
    assert sorted(expected - names) == []
    examples = ROOT / "policies" / "examples"
    shipped = {
        f"intended_adapters/cli/examples/{path.relative_to(examples)}" for path in examples.rglob("*") if path.is_file()
    }
    assert sorted(shipped - names) == []
    assert [name for name in names if name.startswith(("tests", "bench", "docs"))] == []
    assert described["License-Expression"] == "Apache-2.0"
    assert described["Requires-Python"] == ">=3.11"
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_the_wheel_is_the_same_twice(wheel: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's packages alone in a folder; the source tree is out of reach of whatever runs there."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(folder), str(wheel)],
        check=True,
        timeout=120,
    )
    return folder


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=installed.parent,
        env=environment | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
    )


CHECK_THE_EXAMPLES = """
import pathlib, intended_core, intended_adapters
from intended_core.toolbox import check_policies
examples = pathlib.Path(intended_adapters.__file__).parent / "cli" / "examples"
folders = sorted({path.parent for path in examples.rglob("*.policy")})
for folder in folders:
    report = check_policies({path.name: path.read_bytes() for path in folder.glob("*.policy")})
    assert report.checked is not None, report.text
cedar = intended_core.load_cedar(
    {"a.cedar": b"permit(principal, action, resource);"}, ("a.cedarschema", b"entity U; action x appliesTo { principal: U, resource: U };")
)
assert cedar.loaded is not None, cedar.text
print(intended_core.__file__, intended_adapters.__file__, len(folders))
"""


@pytest.mark.slow
def test_the_wheel_checks_its_examples_without_the_source_tree(installed: Path) -> None:
    done = run(installed, "-c", CHECK_THE_EXAMPLES)
    assert done.returncode == 0, done.stderr
    core, adapters, folders = done.stdout.split()
    assert Path(core).is_relative_to(installed)
    assert Path(adapters).is_relative_to(installed)
    assert int(folders) == len({path.parent for path in (ROOT / "policies" / "examples").rglob("*.policy")})


@pytest.mark.slow
def test_the_wheel_plays_the_demo_without_the_source_tree(installed: Path) -> None:
    """Store, migrations, keys, policies, log and evidence: all from what the wheel carries."""
    done = run(
        installed,
        "-c",
        "import sys; sys.argv = ['intended', 'demo', '--json']; from intended_adapters.cli.app import main; main()",
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
