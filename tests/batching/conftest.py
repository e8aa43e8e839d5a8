"""A purpose and providers of the engine's own, tested without exams, and a local model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from accounts.models import Subject
from batching import jobs, providers, purposes
from batching.build import build_run
from batching.models import BatchItem, BatchRun
from batching.providers import local
from batching.purposes import Draft, Purpose, Reply, Verdict
from batching.requests import Request, Text
from tests.batching.local_steps import REQUEST, make_provider, read_image
from tests.emulators.local import LocalEmulator


class CountWords(Purpose):
    """Each subject id is a number of words. A subject whose reply was accepted is written
    under a unique name, so that taking a reply twice is an error of the database."""

    name = "count_words"

    def drafts(self, items: Sequence[BatchItem]) -> dict[int, Draft | str]:
        return {
            item.pk: "There is nothing to count."
            if item.subject_id == 0
            else Draft(
                Request(
                    item.custom_id, "Count.", (Text("word " * item.subject_id),), self.schema()
                ),
                {"words": item.subject_id},
            )
            for item in items
        }

    def schema(self, run: BatchRun | None = None) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"item_id": {"type": "string"}, "words": {"type": "integer"}},
            "required": ["item_id", "words"],
            "additionalProperties": False,
        }

    def accept(self, replies: Sequence[Reply]) -> dict[int, Verdict]:
        verdicts = {}
        for reply in replies:
            if reply.value["words"] != reply.item.fence["words"]:
                verdicts[reply.item.pk] = Verdict("rejected", "Miscounted.")
                continue
            Subject.objects.create(name=f"accepted {reply.item.subject_id}")
            verdicts[reply.item.pk] = Verdict("accepted")
        return verdicts

    def fail(self, items: Sequence[BatchItem]) -> None:
        Subject.objects.bulk_create(Subject(name=f"failed {item.subject_id}") for item in items)

    def released(self, items: Sequence[BatchItem]) -> None:
        for item in items:
            Subject.objects.get_or_create(name=f"released {item.subject_id}")


@pytest.fixture
def offices(settings, tmp_path):
    """The two providers of tests, by kind; they share a folder."""
    folder = tmp_path / "office"
    folder.mkdir()
    # Sending again has tests of its own (test_engine_repair.py).
    settings.SHEAF_RESEND_ROUNDS = 0
    settings.SHEAF_PROVIDERS = {
        kind: {
            "driver": f"tests.emulators.post_office:{kind.title()}Office",
            "folder": str(folder),
            "lines": 4,
        }
        for kind in ("direct", "batch")
    }
    providers._load.cache_clear()
    purposes.register(CountWords())
    yield {kind: providers.get(kind) for kind in ("direct", "batch")}
    purposes._purposes.pop("count_words")
    providers._load.cache_clear()


@pytest.fixture
def plan(offices, x_b, alice):
    """Plans and builds a run of subjects 1 to n."""

    def _plan(
        kind: str, subjects: int | Sequence[int] = 3, *, build: bool = True, **options: str
    ) -> BatchRun:
        ids = range(1, subjects + 1) if isinstance(subjects, int) else subjects
        run = jobs.plan_run(
            "count_words",
            list(ids),
            provider=kind,
            school_class=x_b,
            title="Words",
            by=alice,
            **options,
        )
        if build:
            build_run(run.pk)
        return run

    return _plan


@pytest.fixture
def outcome():
    """The sorted names that the purpose wrote."""
    return lambda: sorted(Subject.objects.values_list("name", flat=True))


@pytest.fixture
def server(tmp_path):
    """The server of a local model."""
    with LocalEmulator(tmp_path / "local") as emulator:
        yield emulator


@pytest.fixture
def ask(server):
    """Asks that server, with other options where they are given."""

    def _ask(request: Request = REQUEST, **options):
        return make_provider(server, **options).answer(request, read_image)

    return _ask


@pytest.fixture
def _no_long_pauses(monkeypatch):
    monkeypatch.setattr(local, "FIRST_PAUSE_SECONDS", 0.01)
