"""What 5,000 sheets would cost and how long they would take, for each configured provider.

    python benchmarks/bill.py [sheets]

Sheets of 1 to 4 pages, 10 criteria and two sample sheets of two pages, as images and as text.
For each configuration of the settings (docs/operations.md): the tokens and the money by the
adapter's own estimate and the configured price, the jobs that its limits cut the run into, and
the rounds that these jobs take when only so many tokens may wait at the provider at once (each
may take a day; most are faster). Where no price is configured it says so. Measures nothing and
sends nothing; no key is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.build import CRITERIA, make_exam
from benchmarks.measure import MEGA, fresh_folder, start_django

PAGES = (1, 2, 3, 4)
SAMPLES, SAMPLE_PAGES = 2, 2
# What a page of writing comes to when somebody has typed it.
SAMPLE_TEXT = "Q{n}. The light energy of the sun is taken up by the plant and kept as sugar. " * 15


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as a provider takes it: bytes of its line, tokens in and out."""

    bytes: int
    input_tokens: int
    output_tokens: int


def example_requests() -> list[Any]:
    """A request for each number of pages, with its samples."""
    from batching.models import BatchItem
    from exams.models import Sheet
    from exams.rubrics import current_rubric
    from grading.requests import PURPOSE, drafts_of

    exam = Sheet.objects.earliest("pk").exam
    rubric = current_rubric(exam)
    assert rubric is not None
    items = [
        BatchItem(pk=sheet.pk, purpose=PURPOSE, subject_id=sheet.pk, custom_id=f"{sheet.pk:032x}")
        for sheet in Sheet.objects.filter(sample__isnull=True).order_by("pk")[: len(PAGES)]
    ]
    drafts = drafts_of(rubric, items)
    refused = [draft for draft in drafts.values() if isinstance(draft, str)]
    assert not refused, refused
    return [drafts[item.pk].request for item in items]


def make_samples(exam: Any) -> None:
    """Two sheets of two pages become samples, with a text of each page."""
    from decimal import Decimal

    from exams.samples import SampleMark, save_sample

    sheets = [sheet for sheet in exam.sheets.order_by("pk") if sheet.pages.count() == SAMPLE_PAGES]
    assert len(sheets) >= SAMPLES
    for number, sheet in enumerate(sheets[-SAMPLES:], start=1):
        marks = {
            f"Q{n}": SampleMark(Decimal(number), "The step is named, its reason is not.")
            for n in range(1, CRITERIA + 1)
        }
        sample = save_sample(sheet, title=f"Sample {number}", marks=marks, by=exam.created_by)
        sample.transcription = [
            {"page": page.number, "sha256": page.sha256, "text": SAMPLE_TEXT.format(n=page.number)}
            for page in sheet.pages.order_by("number")
        ]
        sample.save()


def sent_by(provider: Any, requests: Sequence[Any]) -> list[Sent]:
    """What each request comes to at a provider."""
    from batching.build import line_maker

    line_of = line_maker(provider)
    lines = [line_of(request) for request in requests]
    return [
        Sent(len(line.content) + 1, line.estimate.input_tokens, line.estimate.output_tokens)
        for line in lines
    ]


def jobs_of(provider: Any, sent: Sequence[Sent], sheets: int) -> list[int]:
    """The input tokens of each job, cut as a build cuts them."""
    from batching.build import limits_of

    most_lines, most_bytes, most_tokens = limits_of(provider)
    jobs: list[int] = []
    lines = size = tokens = 0
    for number in range(sheets):
        one = sent[number % len(sent)]
        if lines and (
            lines >= most_lines
            or size + one.bytes > most_bytes
            or tokens + one.input_tokens > most_tokens
        ):
            jobs.append(tokens)
            lines = size = tokens = 0
        lines, size, tokens = lines + 1, size + one.bytes, tokens + one.input_tokens
    return [*jobs, tokens]


def rounds_of(jobs: Sequence[int], enqueued_tokens: int | None) -> int:
    """How many times the provider's queue is filled, when all of a filling end together."""
    if enqueued_tokens is None:
        return 1
    rounds, waiting = 1, 0
    for tokens in jobs:
        if waiting and waiting + tokens > enqueued_tokens:
            rounds, waiting = rounds + 1, 0
        waiting += tokens
    return rounds


def bill(name: str, requests: Sequence[Any], sheets: int) -> None:
    """Print the projection for one configuration."""
    from batching import providers, spending
    from batching.providers.base import Price, Usage

    provider = providers.get(name)
    sent = sent_by(provider, requests)
    shares = [sheets // len(sent) + (number < sheets % len(sent)) for number in range(len(sent))]
    used = Usage(
        sum(one.input_tokens * share for one, share in zip(sent, shares, strict=True)),
        sum(one.output_tokens * share for one, share in zip(sent, shares, strict=True)),
    )
    size = sum(one.bytes * share for one, share in zip(sent, shares, strict=True))
    jobs = jobs_of(provider, sent, sheets)
    if provider.kind == "direct":
        way = f"{_count(len(jobs), 'job')}, {provider.concurrency} requests at once"
    else:
        rounds = rounds_of(jobs, provider.enqueued_tokens)
        room = provider.enqueued_tokens
        why = "any number of tokens may wait" if room is None else f"{room:,} tokens may wait"
        way = (
            f"{size / MEGA:,.0f} MB in {_count(len(jobs), 'job')}, {_count(rounds, 'round')}"
            f" ({why}: {_count(rounds - 1, 'refill')}), {_count(rounds, 'day')} at a day each"
        )
    counted = used.input_tokens + used.output_tokens
    if not counted:
        money = "costs nothing but this machine's time: no tokens are counted"
    elif provider.kind == "direct" and provider.price == Price():
        money = "no price for a token is set: what your own machines cost"
    elif providers.price_known(name):
        cost = spending.cost_of(used, spending.price_value(provider.price))
        money = f"{cost:,.2f} {provider.price.currency}, {1000 * cost / sheets:,.2f} for 1,000"
    else:
        money = "price not set (SHEAF_PROVIDERS)"
    if counted:
        print(f"    {used.input_tokens / MEGA:.1f} million tokens in,", end=" ")
        print(f"{used.output_tokens / MEGA:.1f} million out")
    print(f"    {way}")
    print(f"    {money}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def main(sheets: int) -> None:
    from django.conf import settings

    from batching import providers

    exam = make_exam(4 * len(PAGES), PAGES)
    make_samples(exam)
    requests = {}
    for form in ("images", "text"):
        settings.SHEAF_SAMPLES = form
        requests[form] = example_requests()
    print(f"{sheets} sheets of {PAGES[0]} to {PAGES[-1]} pages, {CRITERIA} criteria,", end=" ")
    print(f"{SAMPLES} samples of {SAMPLE_PAGES} pages")
    for name in providers.names():
        provider = providers.get(name)
        print(f"{name}: {provider.title}. {provider.image_note(1240, 1754)}".rstrip())
        for form, made in requests.items():
            print(f"  samples as {form}")
            bill(name, made, sheets)


if __name__ == "__main__":
    with fresh_folder() as folder:
        start_django(folder)
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
