"""OpenAI's batch API: files of requests in, files of results out a day later at half the price.

Comes in: requests, and the options of a configuration. Goes out: lines, remote ids, states and
files of results. Whether a batch was created although no answer came is found out by looking
for our token (`find`), never by sending again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from batching.providers import openai_replies, openai_tokens, said
from batching.providers.base import (
    Answer,
    Limits,
    Line,
    Price,
    ProviderRefused,
    ReadImage,
    RemoteState,
    Rendition,
    Status,
    Usage,
)
from batching.providers.counts import MOST
from batching.providers.openai_calls import Address, Calls, count, text
from batching.providers.openai_requests import CHAT, RESPONSES, Encoder, Endpoint, Wording
from batching.providers.options import Options
from batching.providers.said import gettext_noop
from batching.providers.vendor_words import NO_REASON as NO_REASON_GIVEN
from batching.providers.vendor_words import clean
from batching.requests import Request

if TYPE_CHECKING:
    from openai.types import Batch

logger = logging.getLogger(__name__)

# The name under which our token travels in a batch's metadata.
TOKEN = "sheaf"  # noqa: S105
# Our clock and theirs may differ by so much.
CLOCKS_DIFFER = 3600
PROBLEMS_TOLD = 5
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# The responses endpoint refuses less.
LEAST_OUTPUT = 16

STATES: dict[str, RemoteState] = {
    "validating": "waiting",
    "in_progress": "running",
    "finalizing": "running",
    "cancelling": "running",
    "completed": "ended",
    "expired": "ended",
    "cancelled": "cancelled",
    "failed": "refused",
}
FULL = "token_limit_exceeded"
EXPIRED = gettext_noop("The batch expired: OpenAI did not finish it within 24 hours.")
GONE = gettext_noop("OpenAI does not know this batch any more.")
NO_REASON = gettext_noop("OpenAI refused the batch and gave no reason.")
EMULATED = gettext_noop(
    "An emulator on this machine, not OpenAI: its marks are those of the offline reader, its prices"
    " examples."
)


class OpenAIProvider:
    """One configuration of OpenAI's batch API. Raises BadOption for an option that is wrong.

    Beside the contract, `price_known` says whether the configuration names a price; without
    one all costs are zero, and the title says so.
    """

    kind: Literal["direct", "batch"] = "batch"
    assessor: Literal["ai_batch", "local_model", "offline"] = "ai_batch"
    needs_answer_key = False

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        read = Options(options)
        self._address = Address(
            key=read.text("api_key").strip(),
            base_url=read.text("base_url").strip(),
            timeout=read.number("timeout", 120, least=1),
            file_seconds=read.number("file_seconds", 30, most=120),
        )
        variable = read.text("api_key_env", "OPENAI_API_KEY")
        self.missing = "" if self._address.key else said.NO_OPENAI_KEY.format(variable=variable)
        self.account = _account(self._address)
        self.model = read.text("model", "gpt-4.1-mini")
        wording = _wording(read, self.model)
        self._encoder = Encoder(wording)
        self.rendition = Rendition(
            long_side=read.count(
                "long_side", openai_tokens.useful_long_side(wording.rule), least=64
            ),
            quality=read.count("quality", 80, least=1, most=95),
            gray=read.flag("gray"),
        )
        self.enqueued_tokens = read.optional_count("enqueued_tokens")
        self.limits = Limits(
            lines=read.count("lines", 2000, least=1, most=50_000),
            bytes=int(read.number("megabytes", 190, least=0.001, most=200) * 1_000_000),
            tokens=read.optional_count("tokens", self.enqueued_tokens),
        )
        price = read.price()
        self.price_known = price is not None
        self.price = price or Price()
        emulated = read.flag("emulated")
        self.notice = EMULATED if emulated else ""
        self.title = read.text("title", f"OpenAI {self.model}")
        if emulated:
            self.title = said.EMULATED_TITLE.format(what=self.title)
        read.refuse_others()

    def estimate(self, request: Request, read_image: ReadImage) -> Usage:
        """The tokens that a request is expected to use. Raises ProviderRefused."""
        return self._encoder.estimate(request, read_image)

    def image_note(self, width: int, height: int) -> str:
        """For a person: how large a page of this size is sent, and what it counts as."""
        rule = self._encoder.wording.rule
        wide, high = self.rendition.fit(width, height)
        tokens = openai_tokens.image_tokens(rule, wide, high)
        told = openai_tokens.describe(rule)
        if not openai_tokens.family(self.model):
            told = said.LIKE_MODEL.format(what=told)
        return said.PAGE_SENT_BY_RULE.format(wide=wide, high=high, tokens=f"{tokens:,}", what=told)

    def encode(self, request: Request, read_image: ReadImage) -> Line:
        """The request as a line of batch input. Raises ProviderRefused for its schema."""
        return self._encoder.encode(request, read_image)

    def read_line(self, line: bytes) -> Answer:
        """One line of an output or error file. Raises UnreadableLine."""
        return openai_replies.read_line(line)

    def submit(self, lines: Path, token: str) -> str:
        """Upload the lines and create one batch of them, marked with our token; gives its id.

        Raises ProviderRefused and ProviderBusy. A crash between upload and creation leaves a
        file that nobody uses and that expires by itself.
        """
        with lines.open("rb") as file:
            endpoint = str(json.loads(file.readline())["url"])
        with self._calls() as calls:
            file_id = calls.upload(lines, f"{token}.jsonl")
            return calls.create(file_id, endpoint, {TOKEN: token})

    def find(self, token: str, since: datetime) -> str | None:
        """The batch that carries our token, in the whole list down to an hour before `since`.

        Of several the oldest one that did not fail as a whole; all their ids are logged.
        """
        horizon = since.timestamp() - CLOCKS_DIFFER
        found: list[Batch] = []
        with self._calls() as calls:
            for page in calls.pages():
                found += [batch for batch in page if _token(batch) == token]
                if page and all((count(one, "created_at") or 0) < horizon for one in page):
                    break
        if not found:
            return None
        # Of one that failed nothing ran, so that it is taken only when there is no other.
        found.sort(key=lambda one: (text(one, "status") == "failed", count(one, "created_at") or 0))
        if len(found) > 1:
            logger.warning("several batches carry one token: %s", ", ".join(b.id for b in found))
        return found[0].id

    def status(self, remote_id: str) -> Status:
        """Where the batch is; a state that we do not know is "unknown", and waits."""
        with self._calls() as calls:
            batch = calls.retrieve(remote_id)
        if batch is None:
            return Status("gone", "not found", problem=GONE)
        raw = text(batch, "status")
        state = STATES.get(raw, "unknown")
        # An id of a file may be an empty string.
        has_results = bool(text(batch, "output_file_id") or text(batch, "error_file_id"))
        problem = EXPIRED if raw == "expired" else ""
        if state == "refused":
            errors = _errors_of(batch)
            problem = self._told(errors)
            if not has_results and any(text(one, "code") == FULL for one in errors):
                state = "full"
        counts = getattr(batch, "request_counts", None)
        return Status(
            state,
            raw,
            has_results=has_results,
            done=count(counts, "completed", most=MOST),
            failed=count(counts, "failed", most=MOST),
            total=count(counts, "total", most=MOST),
            problem=problem,
        )

    def download(self, remote_id: str, folder: Path) -> list[Path]:
        """The output file and the error file, as far as there are any, in this order."""
        with self._calls() as calls:
            batch = calls.retrieve(remote_id)
            wanted = {
                text(batch, f"{kind}_file_id"): folder / f"{kind}.jsonl"
                for kind in ("output", "error")
            }
            wanted.pop("", None)
            return [path for file_id, path in wanted.items() if calls.fetch(file_id, path)]

    def cancel(self, remote_id: str) -> None:
        """Ask OpenAI to stop the batch. Raises ProviderRefused when it has ended already."""
        with self._calls() as calls:
            calls.cancel(remote_id)

    def _calls(self) -> Calls:
        if self.missing:
            raise ProviderRefused(self.missing)
        return Calls(self._address)

    def _told(self, errors: list[Any]) -> str:
        """The first errors of a batch, with their lines, in one text."""
        told = []
        for error in errors[:PROBLEMS_TOLD]:
            line = count(error, "line")
            words = text(error, "message") or text(error, "code") or NO_REASON_GIVEN
            words = clean(words, self._address.key)
            told.append(words if line is None else said.LINE_WRONG.format(line=line, why=words))
        more = len(errors) - len(told)
        whole = " ".join(told)
        return (said.AND_MORE.format(why=whole, more=more) if more > 0 else whole) or NO_REASON


def _wording(read: Options, model: str) -> Wording:
    older = openai_tokens.is_older(model)
    endpoint = read.text("endpoint", "auto", among=("auto", CHAT, RESPONSES))
    detail = read.text("detail", "high", among=("auto", "low", "high", "original"))
    effort = read.text("reasoning_effort", among=("", *EFFORTS))
    thoughts = openai_tokens.likely_thoughts(model, effort)
    most_output = openai_tokens.OUTPUT_LIMITS.get(openai_tokens.family(model))
    return Wording(
        endpoint=_endpoint(endpoint, older=older),
        model=model,
        author="system" if older else "developer",
        detail=detail,
        rule=openai_tokens.rule_for(model, detail, read.mapping("image_rule")),
        temperature=read.optional_number("temperature", most=2),
        effort=effort,
        thoughts=thoughts,
        # Thoughts count against the limit of the reply. A limit that is not reached costs
        # nothing; one that is reached costs the whole reply.
        room=thoughts * 8,
        output_limit=read.optional_count("output_limit", most_output, least=LEAST_OUTPUT),
    )


def _endpoint(named: str, *, older: bool) -> Endpoint:
    if named == "auto":
        return CHAT if older else RESPONSES
    return CHAT if named == CHAT else RESPONSES


def _account(address: Address) -> str:
    """Whose limits they are, without the key itself."""
    digest = hashlib.sha256(f"{address.key}\n{address.base_url}".encode()).hexdigest()
    return f"openai:{digest[:12]}"


def _token(batch: Batch) -> str:
    metadata = getattr(batch, "metadata", None)
    return str(metadata.get(TOKEN, "")) if isinstance(metadata, dict) else ""


def _errors_of(batch: Batch) -> list[Any]:
    data = getattr(getattr(batch, "errors", None), "data", None)
    return data if isinstance(data, list) else []
