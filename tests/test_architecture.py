"""Who may import whom: read from the source with ast, so that no import hides."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ["accounts", "batching", "exams", "grading"]
LAYERS = {
    "models": 0,
    "tasks": 2,
    "due": 3,
    "jobs": 3,
    "views": 4,
    "urls": 5,
    "api": 4,
    "admin": 4,
    "management": 4,
    "apps": 6,
}
FIXED = {
    "manage.py",
    "config",
    *APPS,
    "templates",
    "static",
    "tests",
    "docs",
    "benchmarks",
    "requirements.txt",
    "Procfile",
    ".ci",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    ".env.example",
    "Dockerfile",
    "compose.yaml",
    ".gitignore",
    ".dockerignore",
}
KEPT_OUT_OF_GIT = {".git", ".venv", "data", ".env", ".ruff_cache", ".mypy_cache", ".pytest_cache"}
# The registry of the providers is the one module there that reads settings.
PURE = [
    ROOT / "batching/requests.py",
    *(
        p
        for p in sorted((ROOT / "batching/providers").rglob("*.py"))
        if p.parent.name != "providers"
    ),
    *(p for p in sorted((ROOT / "batching/providers").glob("*.py")) if p.name != "__init__.py"),
]


def modules(app: str) -> list[Path]:
    return [p for p in (ROOT / app).rglob("*.py") if "migrations" not in p.parts]


def imports(path: Path, *, at_run_time_only: bool = True) -> set[str]:
    """Dotted names imported by a module; those below TYPE_CHECKING are no imports."""
    tree = ast.parse(path.read_text())
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if (
            at_run_time_only
            and isinstance(node, ast.If)
            and isinstance(node.test, ast.Name)
            and node.test.id == "TYPE_CHECKING"
        ):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


@pytest.mark.parametrize("app", APPS)
def test_an_app_imports_only_the_apps_below_it(app):
    above = {*APPS[APPS.index(app) + 1 :], "config", "tests", "benchmarks"}
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(app)
        for name in imports(path)
        if name.split(".")[0] in above
    }
    assert not wrong


def layer(name: str) -> int | None:
    """The layer of a dotted name inside an app; every plain module is a stage (1)."""
    parts = name.split(".")
    return LAYERS.get(parts[1], 1) if len(parts) > 1 and parts[0] in APPS else None


@pytest.mark.parametrize("app", APPS)
def test_inside_an_app_models_know_no_stage_and_stages_know_no_page(app):
    wrong = set()
    for path in modules(app):
        own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name in imports(path):
            if not name.startswith(f"{app}."):
                continue
            if own.startswith(f"{app}.models") and layer(name) == 1:
                # Claims, and telling what stands in a row, are part of the models.
                wrong |= (
                    {f"{own}: {name}"} if name.split(".")[1] not in ("claims", "told") else set()
                )
            if layer(own) == 1 and (layer(name) or 0) >= 4:
                wrong.add(f"{own}: {name}")
    assert not wrong


def test_models_import_nothing_above_models():
    for app in APPS:
        for path in modules(app):
            if "models" not in path.relative_to(ROOT / app).parts[0]:
                continue
            for name in imports(path):
                assert name.split(".")[0] not in ("celery",), f"{path}: {name}"


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_providers_and_requests_know_no_django_and_no_app(path):
    for name in imports(path):
        top = name.split(".")[0]
        assert top not in ("django", "celery", "config"), f"{path}: {name}"
        if top in APPS:
            assert name.startswith(("batching.requests", "batching.providers")), f"{path}: {name}"


def test_no_signals_between_our_own_apps():
    for app in APPS:
        for path in modules(app):
            for name in imports(path):
                assert not name.startswith(("django.db.models.signals", "django.dispatch")), path


def test_only_the_fixed_folders_stand_at_the_top():
    there = {path.name for path in ROOT.iterdir()} - KEPT_OUT_OF_GIT
    assert there - {"__pycache__"} <= FIXED


def test_there_is_no_room_named_after_a_layer():
    for app in APPS:
        names = {path.stem for path in modules(app)} | {p.name for p in (ROOT / app).iterdir()}
        assert not names & {"services", "utils", "common", "helpers"}


@pytest.mark.parametrize("app", [*APPS, "config"])
def test_every_module_opens_with_what_it_is_in_the_story(app):
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(app)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


@pytest.mark.parametrize("app", APPS)
def test_audited_rows_are_never_changed_past_their_history(app):
    """QuerySet.update() writes no history: only where there is none, or where it was written."""
    allowed = {
        "batching/claims.py",  # fields that history leaves out
        "batching/sweep.py",  # the same
        "grading/management/commands/poll.py",  # a field that history leaves out
        "batching/forget.py",  # rows without history
        "exams/mapping.py",  # fields that history leaves out
        "exams/suggestions.py",  # the same
        "grading/history.py",  # writes the history rows itself, first
        "exams/models/rubrics.py",  # refuses updates
        "accounts/digests.py",  # rows without history
        "accounts/mailing.py",  # the same
        "accounts/notifications.py",  # rows without history
        "accounts/sessions.py",  # the same
    }
    wrong = []
    for path in modules(app):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "update"
                and node.keywords
                and not node.args
                and name not in allowed
            ):
                wrong.append(f"{name}:{node.lineno}")
    assert not wrong


@pytest.mark.parametrize("app", APPS)
def test_no_row_is_refreshed_in_place(app):
    """django_fsm lifts the protection of the state for the whole process while it does that."""
    wrong = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules(app)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "refresh_from_db"
    }
    assert not wrong
