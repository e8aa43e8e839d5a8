"""Workers killed in the middle of rendering and of grading, and a broker emptied: nothing is lost.

Real workers and the embedded broker, on a laptop's setup; tests/test_kill_provider.py kills them
around a vendor's batch.
"""

from __future__ import annotations

import pytest

from tests import papers
from tests.site import PASSWORD, Site, Visitor, running_site, wait_until
from tests.test_pipeline import STUDENTS, graded_run, prepare, states, upload

pytestmark = pytest.mark.slow


def rendered(site: Site) -> list[list[str]]:
    """What rendering left: every page of every sheet, by content."""
    return site.ask(
        "list(map(list, Page.objects.order_by('sheet__name', 'number')"
        ".values_list('sheet__name', 'number', 'sha256')))"
    )


def answered(site: Site) -> list[list[str]]:
    """What a run left: every mark of every sheet."""
    return site.ask(
        "list(map(list, Mark.objects.order_by('sheet__name', 'criterion__code')"
        ".values_list('sheet__name', 'criterion__code', 'awarded')))"
    )


def restart_and_finish(site: Site, done) -> None:
    site.start_worker("second")
    site.start_beat()
    wait_until(done, "the second worker has done the rest", seconds=240)


def test_a_worker_killed_while_rendering_and_while_grading_loses_and_doubles_nothing(tmp_path):
    content = papers.archive(STUDENTS, pages=6)
    quick = {"SHEAF_LEASE_SECONDS": "6", "SHEAF_SWEEP_SECONDS": "1"}

    with running_site(tmp_path / "undisturbed", **quick) as calm:
        prepare(calm, STUDENTS)
        calm.start_web()
        calm.start_worker()
        calm.start_beat()
        alice = Visitor(calm, "alice", PASSWORD)
        exam = calm.ask("Exam.objects.get().pk")
        upload(alice, exam, content)
        wait_until(
            lambda: (
                calm.ask("Sheet.objects.filter(suggested_at__isnull=False).count()") == STUDENTS
            ),
            "the undisturbed sheets are ready",
        )
        graded_run(calm, alice, exam)
        wait_until(lambda: states(calm) == {"graded": STUDENTS}, "they are graded")
        pages_wanted, marks_wanted = rendered(calm), answered(calm)

    with running_site(tmp_path / "killed", **quick) as site:
        prepare(site, STUDENTS)
        site.start_web()
        alice = Visitor(site, "alice", PASSWORD)
        exam = site.ask("Exam.objects.get().pk")
        upload(alice, exam, content)
        site.start_worker("first")
        site.start_beat()
        wait_until(
            lambda: site.ask(
                "Sheet.objects.filter(rendered_at=None, lease_until__isnull=False).exists()"
            ),
            "a sheet is being rendered",
        )
        site.kill("first")
        site.kill("beat")
        assert len(rendered(site)) < len(pages_wanted)
        restart_and_finish(
            site,
            lambda: (
                site.ask("Sheet.objects.filter(suggested_at__isnull=False).count()") == STUDENTS
            ),
        )
        assert rendered(site) == pages_wanted

        graded_run(site, alice, exam)
        wait_until(
            lambda: site.ask(
                "BatchItem.objects.filter(state='sent', lease_until__isnull=False).exists()"
            ),
            "a sheet is being graded",
        )
        site.kill("second")
        site.kill("beat")
        assert states(site).get("in_batch"), "the kill came too late"
        site.start_worker("third")
        site.start_beat()
        wait_until(lambda: states(site) == {"graded": STUDENTS}, "every sheet is graded", 240)
        assert answered(site) == marks_wanted
        assert site.ask("Assessment.objects.count()") == STUDENTS
        assert "agree" in site.manage("check_integrity")


def test_an_emptied_broker_costs_one_lease_and_one_sweep(tmp_path):
    with running_site(tmp_path / "site", SHEAF_LEASE_SECONDS="3", SHEAF_SWEEP_SECONDS="1") as site:
        prepare(site, STUDENTS)
        site.start_web()
        alice = Visitor(site, "alice", PASSWORD)
        exam = site.ask("Exam.objects.get().pk")
        upload(alice, exam, papers.archive(STUDENTS))
        messages = site.folder / "data" / "broker" / "messages"
        assert list(messages.iterdir())
        for message in messages.iterdir():
            message.unlink()
        site.start_worker()
        site.start_beat()
        wait_until(
            lambda: (
                site.ask("Sheet.objects.filter(suggested_at__isnull=False).count()") == STUDENTS
            ),
            "the sheets ran through without a message",
        )
