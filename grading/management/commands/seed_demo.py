"""`seed_demo`: an invented class whose generated sheets run through the pipeline."""

from __future__ import annotations

import signal
import time
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.urls import reverse

from batching import providers
from batching.providers import ProviderNotReady, UnknownProvider
from exams.models import Exam
from grading.demo import routine, seed
from grading.demo.papers import FontMissing


class Command(BaseCommand):
    help = "Make a demo class with an exam and generated sheets; run again, it changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--provider",
            default=settings.SHEAF_DEFAULT_PROVIDER,
            help="the configured provider that grades the sheets with --follow",
        )
        parser.add_argument(
            "--follow",
            action="store_true",
            help="play the teacher until the sheets are graded, tell where they are, and stay",
        )

    def handle(self, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "The demo prints passwords, so it does not run with SHEAF_ENV=production."
            )
        provider = options["provider"]
        try:
            providers.require(provider)
        except UnknownProvider as error:
            raise CommandError(
                f"No provider is called {provider!r}. Configured: {', '.join(providers.names())}."
            ) from error
        except ProviderNotReady as error:
            raise CommandError(str(error)) from error
        try:
            exam = seed.seed_exam()
            seed.seed_papers(exam)
        except (seed.NotADemo, FontMissing) as error:
            raise CommandError(" ".join(getattr(error, "messages", [str(error)]))) from error
        if options["follow"]:
            self.wait_for_server()
        if options["verbosity"]:
            self.print_sign_ins(exam)
        if options["follow"]:
            self.follow(exam, provider)

    def print_sign_ins(self, exam: Exam) -> None:
        """Where to look and how to sign in."""
        lines = [f"Sheaf: {settings.SITE_URL}/", f"The exam: {exam_url(exam)}", "Sign in as"]
        lines += [
            f"  {sign_in.role.label:<8} {sign_in.username:<8}"
            f" {sign_in.password or '(the password was changed)':<15} {sign_in.name}"
            for sign_in in seed.sign_ins()
        ]
        self.say(*lines)

    def follow(self, exam: Exam, provider: str) -> None:
        """Take the teacher's routine steps as they become due, then stay until stopped."""
        step, told = routine.Step.WAIT, ""
        while step not in routine.FINAL_STEPS:
            close_old_connections()
            step = routine.take_step(exam, provider=provider, by=exam.created_by)
            news = routine.describe(exam)
            if news != told:
                self.say(news)
                told = news
            if step.value:
                self.say(step.value)
            time.sleep(1)
        self.say(f"The exam: {exam_url(exam)}  (Ctrl-C stops everything; the data stays.)")
        # Whoever started this with the servers takes the end of one for the end of all.
        signal.pause()

    def wait_for_server(self) -> None:
        """Return once the web server answers."""
        address = settings.SITE_URL + reverse(settings.LOGIN_URL)
        while True:
            try:
                with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (our own http)
                    return
            except urllib.error.HTTPError as error:
                raise CommandError(f"{address} answers {error.code}.") from error
            except OSError:
                time.sleep(0.3)

    def say(self, *lines: str) -> None:
        for line in lines:
            self.stdout.write(line)
        self.stdout.flush()


def exam_url(exam: Exam) -> str:
    return settings.SITE_URL + reverse("exams:exam_detail", args=[exam.pk])
