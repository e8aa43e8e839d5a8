"""`manage.py grade_zip`: the whole pipeline in one process, without broker or server.

In: an exam file, a roster, a ZIP of sheets and a provider, which may take a day. Out: a JSON
report with every sheet. Running it again changes nothing; a run that was interrupted goes on.
Exits with 0 when every sheet is accounted for (failed ones too: the report says which), with 1
when not or when a person must decide first, and with 130 when it was interrupted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from tqdm import tqdm

from accounts.models import Role, User
from accounts.roster_import import import_roster
from batching import providers
from batching.conflicts import Conflict
from batching.drain import drain
from batching.models import JobState
from batching.providers import ProviderNotReady, UnknownProvider
from batching.spending import OverBudget
from exams.mapping import map_certain
from exams.models import Exam, Upload
from exams.rubric_files import import_exam, read_exam_file
from exams.uploads import DuplicateUpload, receive_upload
from grading import zip_progress, zip_report
from grading.models import GradingRun
from grading.runs import NothingToGrade, draft_run, send_run


class Command(BaseCommand):
    help = "Grade a ZIP of sheets from start to report, in this process."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--exam", type=Path, required=True, help="exam file (YAML)")
        parser.add_argument("--roster", type=Path, required=True, help="roster (CSV)")
        parser.add_argument("--sheets", type=Path, required=True, help="sheets (ZIP, PDF, image)")
        parser.add_argument(
            "--provider",
            help="the configured provider that assesses the sheets (default: the exam's own, or"
            " SHEAF_DEFAULT_PROVIDER)",
        )
        parser.add_argument(
            "--second-provider", help="the one that gets what the first fails at (default: exam's)"
        )
        parser.add_argument(
            "--poll-seconds",
            type=float,
            default=settings.SHEAF_POLL_SECONDS,
            help="the longest time between two looks at a job of a batch provider"
            " (default: SHEAF_POLL_SECONDS)",
        )
        parser.add_argument("--out", type=Path, required=True, help="where to write the report")
        parser.add_argument("--as", dest="username", help="the teacher or admin who is responsible")
        parser.add_argument(
            "--lanes", type=int, default=os.cpu_count() or 2, help="pieces of work at once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("provider", "second_provider"):
            if options.get(name):
                check_provider(options[name], f"--{name.replace('_', '-')}: ")
        if options["poll_seconds"] <= 0:
            raise CommandError("--poll-seconds: give a number of seconds above 0.")
        for name in ("exam", "roster", "sheets"):
            if not options[name].is_file():
                raise CommandError(f"--{name}: there is no file {options[name]}.")
        if not options["out"].parent.is_dir():
            raise CommandError(f"--out: there is no folder {options['out'].parent}.")
        if not connection.introspection.table_names():
            # On a laptop this may be the first command of all.
            call_command("migrate", verbosity=0)
        # Doorbells ring in an empty house: this process finds its work in the database.
        current_app.conf.broker_url = "memory://localhost/"
        by = responsible(options["username"])
        try:
            exam = import_exam(
                read_exam_file(options["exam"].read_bytes()), by=by, create_class=True
            )
            import_roster(exam.school_class, options["roster"].read_bytes(), by=by)
            upload = receive(exam, options["sheets"], by)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        provider = options["provider"] or exam.provider or settings.SHEAF_DEFAULT_PROVIDER
        check_provider(provider)
        chosen = {
            "provider": provider,
            "second_provider": options.get("second_provider") or exam.second_provider,
        }
        try:
            with poll_every(options["poll_seconds"]):
                problems = self.run_through(exam, upload, by, chosen, options["lanes"])
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. What was done is kept, and what was sent is with its provider: run the"
                " same command again, and it goes on from there.",
                returncode=130,
            ) from None
        report = zip_report.report_on(exam, upload)
        options["out"].write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        self.stdout.write(zip_report.summary(report))
        self.stdout.write(f"Report: {options['out']}")
        if problems:
            raise CommandError("\n".join(problems))
        if not zip_report.accounted_for(upload):
            raise CommandError("Not every sheet is accounted for: see the report.")

    def run_through(
        self, exam: Exam, upload: Upload, by: User, chosen: dict[str, str], lanes: int
    ) -> list[str]:
        """Every step until nothing is left to do; gives what a person must decide."""
        problems: list[str] = []
        # In a log a line every half minute says that it is still at it.
        seconds = 0.1 if self.stderr.isatty() else 30
        with tqdm(
            unit="step", desc="Sheets", mininterval=seconds, maxinterval=seconds, miniters=0
        ) as bar:

            def show() -> None:
                bar.total, done = zip_progress.progress(upload)
                bar.set_postfix_str(zip_progress.waiting_for(exam), refresh=False)
                bar.update(done - bar.n)

            def until_idle(is_busy: Callable[[Exam], bool]) -> None:
                def over() -> bool:
                    show()
                    return not is_busy(exam)

                drain(until=over, lanes=lanes, on_step=show)

            until_idle(zip_progress.in_intake)
            map_certain(exam, by=by)
            try:
                draft_run(exam, by=by, **chosen)
            except NothingToGrade as nothing:
                if exam.sheets.filter(state="pending_mapping").exists():
                    self.stdout.write(nothing.message)
            except Conflict as conflict:
                self.stdout.write(str(conflict))
            until_idle(zip_progress.in_build)
            # Also what an interrupted call of this command has left unsent.
            unsent = GradingRun.objects.filter(
                exam=exam, batch_run__created_by=by, batch_run__jobs__state=JobState.REVIEW
            )
            for run in unsent.distinct():
                try:
                    send_run(run, by=by)
                except OverBudget as over:
                    problems += over.messages
            until_idle(zip_progress.in_batch)
        return problems


def check_provider(name: str, where: str = "") -> None:
    """Raise CommandError unless there is such a provider and nothing of it is missing."""
    try:
        providers.require(name)
    except UnknownProvider as error:
        raise CommandError(
            f"{where}no provider {name!r} is configured. There are: {', '.join(providers.names())}."
        ) from error
    except ProviderNotReady as error:
        raise CommandError(f"{where}{error}") from error


@contextmanager
def poll_every(seconds: float) -> Iterator[None]:
    """In this process, let no more than so many seconds be between two looks at a job."""
    before = settings.SHEAF_POLL_SECONDS
    settings.SHEAF_POLL_SECONDS = seconds
    try:
        yield
    finally:
        settings.SHEAF_POLL_SECONDS = before


def responsible(username: str | None) -> User:
    """The person who stands behind the run: the one named, else the account of the commands."""
    if username:
        user = User.objects.filter(username=username).exclude(role=Role.STUDENT).first()
        if user is None:
            raise CommandError(f"--as: there is no teacher or admin {username!r}.")
        return user
    user = User.objects.filter(username="commands").first()
    if user is None:
        user = User(
            username="commands",
            name="Sheaf commands",
            role=Role.ADMIN,
            is_staff=True,
            is_active=False,
        )
        user.set_unusable_password()
        user.save()
    return user


def receive(exam: Exam, path: Path, by: User) -> Upload:
    """The upload of this file: new, or the one with the same bytes."""
    with path.open("rb") as file:
        try:
            return receive_upload(exam, file, name=path.name, by=by)
        except DuplicateUpload as duplicate:
            return duplicate.first
