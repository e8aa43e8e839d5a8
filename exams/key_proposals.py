"""Commands on proposed answer keys: take in a PDF, send it, try again, discard, confirm.

The engine's rows are always locked before the proposal's, as its own stages do.
"""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.told import told
from batching import jobs, providers
from batching.conflicts import Conflict, guarded
from batching.models import BatchItem
from batching.sweep import ring
from exams import tasks
from exams.answer_key import MAX_BYTES
from exams.content import HEAD, Kind, describe, kind_of
from exams.key_extraction import UNDER_WAY, rubric_hash, rubric_items
from exams.key_pages import plan_reading
from exams.key_request import MAX_CRITERIA
from exams.models import OPEN_KEY_STATES, Exam, KeyProposal, KeyState, Rubric
from exams.rubric_items import leaf_items
from exams.rubrics import lock_exam, save_rubric
from exams.storage import keep_file, limit_of, undone_on_error

OTHER_OPEN = gettext_lazy(
    "This exam has an answer key that is being read or waits to be checked. Confirm"
    " or discard that one first."
)


class CannotRead(ValidationError):
    """This PDF or this provider cannot be used; the message says what to do."""


def why_not(provider: str) -> str:
    """Why a configured provider cannot read an answer key; "" when it can."""
    if provider not in providers.names():
        return _("There is no provider %(name)r any more. Choose another one.") % {"name": provider}
    found = providers.get(provider)
    if found.assessor == "offline":
        return _(
            "%(title)s compares answers with a key; it cannot propose one. Choose a model,"
            " or read the text of the PDF without a model on the answer key page."
        ) % {"title": told(found.title)}
    return told(found.missing)


def able_providers() -> list[str]:
    """The names of the configurations that can read an answer key now."""
    return [name for name in providers.names() if not why_not(name)]


def open_key(exam: Exam) -> KeyProposal | None:
    """The exam's answer key that is under way or waits to be checked, if there is one."""
    return exam.key_proposals.filter(state__in=OPEN_KEY_STATES).first()


def propose_key(exam: Exam, file: IO[bytes], *, name: str, provider: str, by: User) -> KeyProposal:
    """Store the PDF of an answer key and ask for its pages and a draft.

    `file` is read from its start. Raises CannotRead, TooLarge or StorageFull, and Conflict when
    the exam has an open one; then nothing is kept.
    """
    check_provider(provider)
    check_rubric(exam)
    file.seek(0)
    head = file.read(HEAD)
    if kind_of(head) is not Kind.PDF:
        raise CannotRead(
            _("“%(name)s” is %(what)s. Save the answer key as PDF.")
            % {"name": name, "what": _(describe(head))}
        )
    if open_key(exam):
        raise Conflict(OTHER_OPEN)
    file.seek(0)
    check = limit_of(
        MAX_BYTES / 1e6,
        _("The PDF is larger than %(limit)s MB. Split it and upload the part with the answers.")
        % {"limit": MAX_BYTES // 1_000_000},
    )
    with undone_on_error() as kept:
        stored = keep_file(file, "keys", ".pdf", check=check, durable=True)
        kept.append(stored.name)
        with transaction.atomic():
            transaction.on_commit(kept.clear)
            lock_exam(exam.pk)  # it may be deleted just now
            key = KeyProposal(
                exam=exam,
                original_name=name[-255:],
                file=stored.name,
                sha256=stored.sha256,
                size=stored.size,
                provider=provider,
                created_by=by,
            )
            _save(key, by)
            ring(tasks.prepare_key, key.pk)
    return key


@transaction.atomic
def send_key(key: KeyProposal, *, by: User) -> None:
    """Approve the draft: its one request goes to the provider.

    Raises OverBudget, and Conflict when it is no draft or the rubric has changed since.
    """
    key = KeyProposal.objects.select_related("exam", "batch_run").get(pk=key.pk)
    if key.state not in UNDER_WAY or key.batch_run is None:
        raise Conflict(
            _("This answer key is %(state)s and cannot be sent.")
            % {"state": key.get_state_display()}
        )
    jobs.send_run(key.batch_run, by=by)
    if is_out_of_date(key):
        raise Conflict(
            _(
                "The rubric was changed since this was drafted, so the draft is out of date."
                " Draft it again, then send it."
            )
        )


def is_out_of_date(key: KeyProposal) -> bool:
    """Whether a built draft was made with another rubric than the exam's current one."""
    item = BatchItem.objects.filter(run=key.batch_run_id).order_by("number").last()
    return item is not None and item.fence.get("rubric_hash") != rubric_hash(key.exam)


@transaction.atomic
def retry_key(key: KeyProposal, *, provider: str, by: User) -> None:
    """Draft a failed key, or one that was not sent yet, again, perhaps for another provider.

    Raises CannotRead; Conflict when it is elsewhere by now or the exam has another open one.
    """
    check_provider(provider)
    check_rubric(key.exam)
    found = KeyProposal.objects.select_related("batch_run").get(pk=key.pk)
    if found.state == KeyState.DRAFTED and found.batch_run:
        jobs.cancel_run(found.batch_run, by=by)
    key = _locked(key)
    if key.state != KeyState.FAILED:
        raise Conflict(
            _("This answer key is %(state)s and cannot be drafted again.")
            % {"state": key.get_state_display()}
        )
    key.provider, key.problem = provider, ""
    if key.pages:
        jobs.start_building(plan_reading(key, by=by))
    else:
        key.retry()
        key.tries, key.lease_until = 0, None
        ring(tasks.prepare_key, key.pk)
    _save(key, by)


@transaction.atomic
def discard_key(key: KeyProposal, *, by: User) -> None:
    """Give a key up; what a provider still answers is not taken. Raises Conflict."""
    found = KeyProposal.objects.select_related("batch_run").get(pk=key.pk)
    if found.state in UNDER_WAY and found.batch_run:
        with suppress(Conflict):  # it has just ended by itself
            jobs.cancel_run(found.batch_run, by=by)
    key = _locked(key)
    with guarded(
        _("This answer key is %(state)s and cannot be discarded.")
        % {"state": key.get_state_display()}
    ):
        key.discard()
        key.attempt += 1  # a worker that renders it writes nothing more
        key.lease_until = None
        _save(key, by)


@transaction.atomic
def confirm_key(key: KeyProposal, items: list[dict[str, Any]], *, by: User, seen: str) -> Rubric:
    """Make a rubric of what the teacher corrected: always a version of its own.

    `items` is the nested list of an exam file, `seen` the content hash of the rubric that the
    person had before their eyes ("" for none). Raises RubricError naming each bad item, and
    Conflict when the rubric is another by now or the key does not wait for it any more.
    """
    key = _locked(key)
    if key.state != KeyState.PROPOSED:
        raise Conflict(
            _("This answer key is %(state)s: nothing was changed.")
            % {"state": key.get_state_display()}
        )
    rubric = save_rubric(key.exam, items, by=by, seen=seen, write_over=False)
    key.confirm(rubric, by)
    _save(key, by)
    return rubric


def check_provider(provider: str) -> None:
    """Raise CannotRead when a provider cannot read an answer key."""
    if problem := why_not(provider):
        raise CannotRead(problem)


def check_rubric(exam: Exam) -> None:
    """Raise CannotRead when the exam has more criteria than one page can ask a teacher to check."""
    count = len(list(leaf_items(rubric_items(exam))))
    if count > MAX_CRITERIA:
        raise CannotRead(
            _(
                "The rubric has %(count)s criteria; with more than %(most)s its answers have to"
                " be typed, or read without a model on the answer key page."
            )
            % {"count": count, "most": MAX_CRITERIA}
        )


def _locked(key: KeyProposal) -> KeyProposal:
    rows = KeyProposal.objects.select_for_update(of=("self",)).select_related("exam__school_class")
    locked = rows.filter(pk=key.pk).first()
    if locked is None:
        raise Conflict(_("This answer key was deleted meanwhile, with its exam."))
    return locked


def _save(key: KeyProposal, by: User) -> None:
    key._history_user = by
    try:
        with transaction.atomic():
            key.save()
    except IntegrityError as error:
        # The one rule of the database that a person can meet here: another one is open.
        raise Conflict(OTHER_OPEN) from error
