"""Gemini's batch API: a file of requests in, a file of results out a day later at half the price.

Comes in: requests, and the options of a configuration. Goes out: lines, remote ids, states and
result files. Talks through Google's own SDK, which repeats nothing by itself: a batch that is
created twice is paid twice. Whether a lost answer meant yes is found out by looking (`find`),
never by sending again. States are read from the raw operation, since the SDK drops the reason
of a failure and the counts.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlencode

from batching.providers import gemini_replies, gemini_tokens, said
from batching.providers.base import (
    Answer,
    Limits,
    Line,
    Price,
    ProviderBusy,
    ProviderRefused,
    ReadImage,
    Rendition,
    Status,
    Usage,
)
from batching.providers.gemini_errors import is_missing, of_status, sdk_errors
from batching.providers.gemini_requests import Encoder, Wording
from batching.providers.options import BadOption, Options
from batching.providers.said import gettext_noop
from batching.requests import Request

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import File

logger = logging.getLogger(__name__)

PAGE = 100
# The last line of a result file is looked at, as far back as one reply can be long.
LONGEST_REPLY = 20_000_000
FIRST_FILE_WAIT = 0.2
GONE = gettext_noop("Gemini does not know this batch any more.")
# What can stand in a header.
KEY = re.compile(r"[!-~]+")
EMULATED = gettext_noop(
    "An emulator on this machine, not Gemini: its marks are those of the offline reader, its prices"
    " examples."
)


class GeminiProvider:
    """One configuration of Gemini's batch API. Raises BadOption for an option that is wrong.

    Beside the contract: `price_known` says whether the configuration names a price; without
    one all costs are zero, and the title says so.
    """

    kind: Literal["direct", "batch"] = "batch"
    assessor: Literal["ai_batch", "local_model", "offline"] = "ai_batch"
    needs_answer_key = False

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        read = Options(options)
        self._key = read.text("api_key").strip()
        key_name = read.text("api_key_env", "GEMINI_API_KEY")
        self._base_url = read.text("base_url").strip().rstrip("/")
        if self._base_url and not self._base_url.startswith(("http://", "https://")):
            raise BadOption("base_url must begin with http:// or https://.")
        # The SDK's own default is another one, whose messages lack what a line needs.
        self._api_version = read.text("api_version", "v1beta")
        self._timeout = read.number("timeout", 120, least=1)
        # Whoever hands in must be done well within the time limit of a task (540 s), and keeps
        # the others waiting: what takes longer is asked for again.
        self._file_seconds = read.number("file_seconds", 60, most=120)
        self._results_seconds = read.number("results_seconds", 600)
        self.model = read.text("model", "gemini-2.5-flash").removeprefix("models/")
        self._wording = _read_wording(read, self.model)
        self._encoder = Encoder(self._wording)
        useful = gemini_tokens.useful_long_side(self._wording.rule, self._wording.media_resolution)
        self.rendition = Rendition(
            long_side=read.count("long_side", useful, least=64),
            quality=read.count("quality", 80, least=1, most=95),
            gray=read.flag("gray"),
        )
        self.enqueued_tokens = read.optional_count("enqueued_tokens")
        self.limits = Limits(
            # Jobs that wait for days and expire are the large ones.
            lines=read.count("lines", 300, least=1),
            bytes=int(read.number("megabytes", 190, least=0.001, most=2000) * 1_000_000),
            tokens=read.optional_count("tokens", self.enqueued_tokens),
        )
        price = read.price()
        self.price_known = price is not None
        self.price = price or Price()
        emulated = read.flag("emulated")
        self.notice = EMULATED if emulated else ""
        self.title = read.text("title", f"Google {self.model}")
        if emulated:
            self.title = said.EMULATED_TITLE.format(what=self.title)
        read.refuse_others()
        self.missing = ""
        if not self._key:
            self.missing = said.NO_GEMINI_KEY.format(name=key_name)
        elif not KEY.fullmatch(self._key):
            self.missing = said.NO_SUCH_KEY.format(name=key_name)
        digest = hashlib.sha256(f"{self._key}\n{self._base_url}".encode()).hexdigest()
        self.account = f"gemini:{digest[:12]}"

    def estimate(self, request: Request, read_image: ReadImage) -> Usage:
        """The tokens that a request is expected to use."""
        return self._encoder.estimate(request, read_image)

    def image_note(self, width: int, height: int) -> str:
        """For a person: how large a page of this size is sent, and what it counts as."""
        wide, high = self.rendition.fit(width, height)
        tokens = self._wording.image_tokens(wide, high)
        return said.PAGE_SENT.format(wide=wide, high=high, tokens=f"{tokens:,}")

    def encode(self, request: Request, read_image: ReadImage) -> Line:
        """The request as a line of batch input. Raises ProviderRefused for its schema."""
        return self._encoder.encode(request, read_image)

    def read_line(self, line: bytes) -> Answer:
        """One line of a result file. Raises UnreadableLine."""
        return gemini_replies.read_line(line)

    def submit(self, lines: Path, token: str) -> str:
        """Upload the lines and create one batch of them, named with our token; its name.

        A crash between the two leaves a file that nobody uses and that is gone after two days.
        """
        with self._client() as client:
            # As a stream: of a path the SDK would tell the file's name.
            with lines.open("rb") as file, self._errors(said.UPLOADING):
                uploaded = client.files.upload(
                    file=file, config={"mime_type": "jsonl", "display_name": token}
                )
            name = self._active(client, uploaded)
            with self._errors(said.CREATING):
                job = client.batches.create(
                    model=self.model, src=name, config={"display_name": token}
                )
        if not job.name:
            # It may have been created all the same.
            raise ProviderBusy(
                gettext_noop("Creating the batch: Gemini answered without the batch's name.")
            )
        return job.name

    def _active(self, client: genai.Client, file: File) -> str:
        """The name of an uploaded file, once Gemini has taken it in. Raises ProviderBusy when
        that takes longer than `file_seconds`.
        """
        until, wait = time.monotonic() + self._file_seconds, FIRST_FILE_WAIT
        while file.state is not None and file.state.value == "PROCESSING":
            if time.monotonic() + wait > until:
                raise ProviderBusy(
                    gettext_noop("Uploading the requests: Gemini is still taking the file in.")
                )
            time.sleep(wait)
            wait = min(wait * 2, 10)
            with self._errors(said.LOOKING_AT_FILE):
                file = client.files.get(name=file.name or "")
        if file.state is not None and file.state.value == "FAILED":
            raise ProviderRefused(
                gettext_noop("Uploading the requests: Gemini could not take the file in.")
            )
        if not file.name:
            raise ProviderBusy(
                gettext_noop("Uploading the requests: Gemini answered without the file's name.")
            )
        return file.name

    def find(self, token: str, since: datetime) -> str | None:
        """The batch that carries our token. The whole list is read: its order is not promised.

        Of several the oldest that did not fail as a whole; their names are logged.
        """
        with self._client() as client:
            found = [
                operation
                for operation in self._operations(client)
                if _metadata(operation).get("displayName") == token
            ]
        if not found:
            return None
        # Of what failed nothing ran, so that it is the last to be taken for ours.
        found.sort(
            key=lambda one: (
                gemini_replies.read_status(one).state == "refused",
                _time(_metadata(one).get("createTime")),
                one["name"],
            )
        )
        if len(found) > 1:
            names = ", ".join(one["name"] for one in found)
            logger.warning("several batches carry one token: %s", names)
        return str(found[0]["name"])

    def _operations(self, client: genai.Client) -> Iterator[Mapping[str, Any]]:
        """Every batch of the key, a hundred a call."""
        seen: set[str] = set()
        token = ""
        while True:
            query = {"pageSize": PAGE} | ({"pageToken": token} if token else {})
            with self._errors(said.LISTING):
                page = _call(client, "get", f"batches?{urlencode(query)}")
            operations = page.get("operations")
            for one in operations if isinstance(operations, list) else []:
                if isinstance(one, Mapping) and isinstance(one.get("name"), str):
                    yield one
            token = str(page.get("nextPageToken") or "")
            if not token:
                return
            if token in seen:
                raise ProviderBusy(
                    gettext_noop("Reading the list of batches: Gemini's list does not end.")
                )
            seen.add(token)

    def status(self, remote_id: str) -> Status:
        """Where the batch is. A state that we do not know is "unknown"."""
        with self._client() as client:
            operation = self._operation(client, remote_id)
        if operation is None:
            return Status("gone", "not found", problem=GONE)
        return gemini_replies.read_status(operation)

    def download(self, remote_id: str, folder: Path) -> list[Path]:
        """The file with the results, if there is one."""
        path = folder / "responses.jsonl"
        with self._client() as client:
            operation = self._operation(client, remote_id)
            name = gemini_replies.output_of(operation) if operation is not None else ""
            return [path] if name and self._fetch(client, name, path, operation or {}) else []

    def _fetch(
        self, client: genai.Client, name: str, path: Path, operation: Mapping[str, Any]
    ) -> bool:
        """Stream a file to disk, whole or not at all; False when there is no such file."""
        from google.genai.errors import ClientError

        what, aside = said.DOWNLOADING, path.with_suffix(".part")
        try:
            with self._errors(what, ClientError):
                client.files.download(file=name, destination=str(aside))
        except ClientError as error:
            if not is_missing(error):
                raise of_status(what, error, self._key) from None
            # Gemini shows nothing else of these files: only time tells what is gone for good.
            ended = _time(_metadata(operation).get("endTime"))
            if (datetime.now(UTC) - ended).total_seconds() < self._results_seconds:
                raise ProviderBusy(said.GEMINI_NO_FILE_YET.format(what=what)) from None
            logger.warning("the result file %s is gone", name)
            return False
        counts = gemini_replies.read_status(operation)
        if not _is_whole(aside, (counts.done or 0) + (counts.failed or 0)):
            raise ProviderBusy(said.GEMINI_FILE_SHORT.format(what=what))
        aside.replace(path)
        return True

    def cancel(self, remote_id: str) -> None:
        """Ask Gemini to stop the batch. Raises ProviderRefused when it has ended already."""
        with self._client() as client, self._errors(said.CANCELLING):
            _call(client, "post", f"{quote(remote_id)}:cancel")

    def _operation(self, client: genai.Client, remote_id: str) -> Mapping[str, Any] | None:
        """The raw operation of a batch, or None when Gemini says that there is none."""
        from google.genai.errors import ClientError

        what = said.LOOKING
        try:
            with self._errors(what, ClientError):
                operation = _call(client, "get", quote(remote_id))
        except ClientError as error:
            if is_missing(error):
                return None
            raise of_status(what, error, self._key) from None
        if operation.get("name") != remote_id:
            raise ProviderBusy(said.GEMINI_NOT_THE_BATCH.format(what=what))
        return operation

    def _client(self) -> genai.Client:
        """A client for one errand. It must be kept in a variable: dropped, it closes."""
        from google import genai
        from google.genai.types import HttpOptions

        if self.missing:
            raise ProviderRefused(self.missing)
        return genai.Client(
            vertexai=False,  # whatever the environment says
            api_key=self._key,
            http_options=HttpOptions(
                api_version=self._api_version,
                base_url=self._base_url or None,
                timeout=int(self._timeout * 1000),
            ),
        )

    def _errors(self, what: str, *passing: type[Exception]) -> AbstractContextManager[None]:
        return sdk_errors(what, self._key, *passing)


def _read_wording(read: Options, model: str) -> Wording:
    resolution = read.text("media_resolution", among=("", *gemini_tokens.MEDIA_RESOLUTIONS))
    level = read.text("thinking_level", among=("", *gemini_tokens.THINKING_LEVELS))
    budget = read.optional_count("thinking_budget", least=-1)
    if level and budget is not None:
        raise BadOption("thinking_level and thinking_budget exclude each other: set one of them.")
    given = read.text("image_rule", among=("", *gemini_tokens.IMAGE_RULES))
    rule = gemini_tokens.image_rule(model, resolution)
    rule = next((one for one in gemini_tokens.IMAGE_RULES if one == given), rule)
    return Wording(
        model=model,
        rule=rule,
        media_resolution=resolution,
        tokens_of_image=read.optional_count("image_tokens"),
        temperature=read.optional_number("temperature", most=2),
        budget=budget,
        level=level,
    )


def _call(client: genai.Client, method: str, path: str) -> Mapping[str, Any]:
    """An answer as it came, through the SDK's own way of calling: it gives none to the outside."""
    response = client._api_client.request(method, path, {}, None)
    value = json.loads(response.body or "{}")
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _is_whole(path: Path, answered: int) -> bool:
    """Does the file end with a line end, or with a line that is JSON? It is empty only when
    nothing was answered.
    """
    size = path.stat().st_size
    if not size:
        return not answered
    with path.open("rb") as file:
        file.seek(max(0, size - LONGEST_REPLY))
        end = file.read()
    if end.endswith(b"\n"):
        return True
    try:
        json.loads(end.rpartition(b"\n")[2])
    except (ValueError, RecursionError):
        return False
    return True


def _metadata(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    value = operation.get("metadata")
    return value if isinstance(value, Mapping) else {}


def _time(text: Any) -> datetime:
    """A time of the vendor's; what has none is the newest."""
    try:
        told = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.now(UTC)
    return told if told.tzinfo else told.replace(tzinfo=UTC)
