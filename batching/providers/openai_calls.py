"""The calls that OpenAI's batch API is asked with, one by one, through OpenAI's own SDK.

Comes in: a key and an address. Goes out: the SDK's objects, or the engine's two errors. The
SDK's retries are off: by itself it repeats a POST up to three times, and a batch that is
created twice is paid twice. Every use has a client of its own: connections that idle between
two polls break, and without retries a broken one is an error.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from batching.providers import said
from batching.providers.base import ProviderBusy, ProviderRefused
from batching.providers.openai_errors import message_of, of_status, sdk_errors

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

logger = logging.getLogger(__name__)

VENDOR = "OpenAI"
# What was uploaded is of no use once its batch has ended.
KEPT_SECONDS = 7 * 24 * 3600
PAGE = 100
BLOCK = 1 << 20
CONNECT_SECONDS = 10.0
# How long until a batch is created once more when its file is not found.
FIRST_FILE_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where and as whom to ask: `base_url` "" is the SDK's own, `timeout` in seconds for each
    wait, `file_seconds` how long a file that was just uploaded may not be found.
    """

    key: str = field(repr=False)
    base_url: str
    timeout: float
    file_seconds: float


class Calls:
    """One connection, for use in a `with` statement."""

    def __init__(self, address: Address) -> None:
        import openai

        self._address = address
        self._openai = openai
        with self._errors():
            self._client = openai.OpenAI(
                api_key=address.key,
                base_url=address.base_url or None,
                timeout=openai.Timeout(address.timeout, connect=CONNECT_SECONDS),
                max_retries=0,
            )

    def __enter__(self) -> Calls:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def upload(self, lines: Path, name: str) -> str:
        """Upload batch input under a name that ends in .jsonl; gives the file's id."""
        with lines.open("rb") as file, self._errors():
            uploaded = self._client.files.create(
                file=(name, file),
                purpose="batch",
                expires_after={"anchor": "created_at", "seconds": KEPT_SECONDS},
            )
        file_id = text(uploaded, "id")
        if not file_id:
            raise ProviderBusy(said.NO_FILE_ID.format(vendor=VENDOR))
        return file_id

    def create(self, file_id: str, endpoint: str, metadata: dict[str, str]) -> str:
        """Create a batch of an uploaded file; gives its id.

        A file that was just uploaded may not be found for a while. Nothing was created then,
        so that this one error is safe to answer by asking again.
        """
        until, wait = time.monotonic() + self._address.file_seconds, FIRST_FILE_WAIT
        while True:
            try:
                with self._errors(passing=(self._openai.APIStatusError,)):
                    batch = self._client.batches.create(
                        input_file_id=file_id,
                        endpoint=endpoint,  # type: ignore[arg-type]
                        completion_window="24h",
                        metadata=metadata,
                    )
                break
            except self._openai.APIStatusError as error:
                if not _file_not_found(error):
                    raise self._told(error) from None
                if time.monotonic() + wait > until:
                    raise ProviderBusy(
                        said.FILE_NOT_FOUND.format(
                            vendor=VENDOR, why=message_of(error, self._address.key)
                        )
                    ) from None
            time.sleep(wait)
            wait *= 2
        remote_id = text(batch, "id")
        if not remote_id:
            # It may have been created all the same.
            raise ProviderBusy(said.NO_BATCH_ID.format(vendor=VENDOR))
        return remote_id

    def pages(self) -> Iterator[list[Batch]]:
        """The list of all batches, newest first, a hundred at a time."""
        seen: set[str] = set()
        with self._errors():
            page = self._client.batches.list(limit=PAGE)
        while True:
            batches = [one for one in getattr(page, "data", None) or [] if text(one, "id")]
            new = [one for one in batches if one.id not in seen]
            seen.update(one.id for one in new)
            yield new
            if not batches or not page.has_next_page():
                return
            if not new:
                raise ProviderBusy(said.SAME_PAGE.format(vendor=VENDOR))
            try:
                with self._errors(passing=(self._openai.NotFoundError,)):
                    page = page.get_next_page()
            except self._openai.NotFoundError:
                # The batch that the next page begins after went away in the meantime.
                raise ProviderBusy(said.LIST_CHANGED.format(vendor=VENDOR)) from None

    def retrieve(self, remote_id: str) -> Batch | None:
        """The batch, or None when OpenAI says that there is none."""
        try:
            with self._errors(passing=(self._openai.NotFoundError,)):
                batch = self._client.batches.retrieve(remote_id)
        except self._openai.NotFoundError as error:
            if _is_gone(error):
                return None
            raise self._told(error) from None
        if text(batch, "id") != remote_id:
            raise ProviderBusy(said.NOT_THE_BATCH.format(vendor=VENDOR))
        return batch

    def cancel(self, remote_id: str) -> None:
        """Ask for the batch to be stopped. Raises ProviderRefused when it has ended already."""
        try:
            with self._errors(passing=(self._openai.ConflictError,)):
                self._client.batches.cancel(remote_id)
        except self._openai.ConflictError as error:
            raise ProviderRefused(
                said.NOT_CANCELLED.format(vendor=VENDOR, why=message_of(error, self._address.key))
            ) from None

    def fetch(self, file_id: str, path: Path) -> bool:
        """Stream a file to disk, whole or not at all; False when there is no such file.

        Raises ProviderBusy when it came short or is not given yet.
        """
        aside = path.with_name(f"{path.name}.part")
        try:
            with (
                self._errors(passing=(self._openai.NotFoundError,)),
                self._client.files.with_streaming_response.content(file_id) as response,
                aside.open("wb") as file,
            ):
                for block in response.iter_bytes(BLOCK):
                    file.write(block)
                expected = response.headers.get("content-length", "")
                came = response.http_response.num_bytes_downloaded
        except self._openai.NotFoundError as error:
            if not _is_gone(error):
                raise self._told(error) from None
            if self._has_file(file_id):
                raise ProviderBusy(said.RESULTS_WITHHELD.format(vendor=VENDOR)) from None
            logger.warning("OpenAI: the file of results %s is gone", file_id)
            return False
        if expected.isdecimal() and int(expected) != came:
            raise ProviderBusy(said.RESULTS_SHORT.format(came=came, expected=expected))
        aside.replace(path)
        return True

    def _has_file(self, file_id: str) -> bool:
        try:
            with self._errors(passing=(self._openai.NotFoundError,)):
                self._client.files.retrieve(file_id)
        except self._openai.NotFoundError:
            return False
        return True

    def _errors(self, passing: tuple[type[Exception], ...] = ()) -> AbstractContextManager[None]:
        return sdk_errors(VENDOR, self._address.key, passing=passing)

    def _told(self, error: openai.APIStatusError) -> ProviderBusy | ProviderRefused:
        return of_status(VENDOR, error, self._address.key)


def text(value: object, name: str) -> str:
    """A field of an SDK object that should be a text; "" when it is not there or none.

    The SDK does not check what it was sent: any field may be missing or of another type.
    """
    found = getattr(value, name, None)
    return found if isinstance(found, str) else ""


def count(value: object, name: str, *, most: float = math.inf) -> int | None:
    """A field that should be a whole number from 0 to `most`, or None."""
    found = getattr(value, name, None)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= most:
        return None
    return found


def _is_gone(error: openai.NotFoundError) -> bool:
    """Whether a 404 speaks of the thing and not of the address, which may be a wrong one."""
    said = error.body.get("message") if isinstance(error.body, Mapping) else None
    return isinstance(said, str) and "invalid url" not in said.lower()


def _file_not_found(error: openai.APIStatusError) -> bool:
    said = str(error.body).lower()
    return error.status_code in (400, 404) and any(
        words in said for words in ("cannot find file", "could not find file", "no such file")
    )
