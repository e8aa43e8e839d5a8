"""The local provider: a model on the school's own machines, behind OpenAI's chat protocol.

vLLM, llama-server and Ollama speak it. Comes in: a neutral request. Goes out: what the model
wrote, or what went wrong with this one request. Such a server answers 500 for reasons that lie
in one request, so only what concerns all of them (no connection, busy, a wrong key) is raised.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

import pybase64

from batching.providers import said
from batching.providers.base import (
    Answer,
    Limits,
    Price,
    ProviderBusy,
    ProviderRefused,
    ReadImage,
    Rendition,
    Usage,
)
from batching.providers.counts import sum_of, usage_of
from batching.providers.openai_errors import message_of
from batching.providers.options import BadOption, Options
from batching.providers.outcomes import TRUNCATED
from batching.providers.parts import request_text_tokens, with_labels
from batching.providers.said import gettext_noop
from batching.providers.vendor_words import as_mapping, clean, retry_after
from batching.requests import Image, Request

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, OpenAI

FORMS = ("json_schema", "json_object_schema", "ollama", "prompt")
# One answer must end well within the time limit of the task that waits for it (540 s), of
# which a lane may have used 240 s before it asks.
ANSWER_SECONDS = 280.0
CONNECT_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
# What Ollama keeps of a prompt, without a word about the rest, unless it is told otherwise.
OLLAMA_CONTEXT = 4096
EMULATED = gettext_noop(
    "An emulator on this machine, not a model: its marks are those of the offline reader."
)
NO_JSON = gettext_noop("The server answered with something that is no JSON.")
BLOCKED = gettext_noop("The server's content filter blocked the answer.")
EMPTY = gettext_noop("The model answered without any content.")
BROKE = gettext_noop("The connection broke before the answer was there.")


class _Failed(Exception):
    """One attempt at one request came to nothing. `again`: another one may help."""

    def __init__(
        self, problem: str, *, again: bool = True, raw: str = "", usage: Usage | None = None
    ) -> None:
        super().__init__(problem)
        self.problem, self.again, self.raw = problem, again, raw
        self.usage = usage or Usage()


class LocalProvider:
    """A direct provider. Options:

    - `base_url`, `model`, `api_key` (where the server wants one), `title`
    - `concurrency` (requests at once), `retries` (further attempts at one request), `timeout`
      (seconds an answer may take), `temperature`, `reasoning_effort` (low, medium or high, for
      models that know it), `max_output_tokens` (at least so many, for models that think),
      `extra` (further fields of the request's body)
    - `form`, how the server is given the schema: "json_schema" (vLLM, llama-server),
      "json_object_schema" (older llama.cpp), "ollama", "prompt" (only in words)
    - `context_tokens`: what fits into the server's context; a request that is larger is not
      sent. For "ollama", which cuts silently, 4096 unless it is set
    - `long_side`, `quality`, `gray` of the images, and `image_tokens` that one counts as
    - `price` of a million tokens (nothing unless set), `emulated`
    """

    kind: Literal["direct", "batch"] = "direct"
    assessor: Literal["ai_batch", "local_model", "offline"] = "local_model"
    needs_answer_key = False
    price_known = True
    limits = Limits()

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        given = Options(options)
        self._base_url = given.text("base_url").rstrip("/")
        self._key = given.text("api_key")
        self._key_name = given.text("api_key_env", "LOCAL_API_KEY")
        self.model = given.text("model")
        self.title = given.text("title", _title(self.model))
        self.concurrency = given.count("concurrency", 3, least=1)
        self._retries = given.count("retries", 2, most=10)
        self._timeout = given.number("timeout", 180, least=0.1, most=ANSWER_SECONDS)
        self._temperature = given.number("temperature", 0, most=2)
        self._effort = given.text("reasoning_effort")
        self._output_tokens = given.count("max_output_tokens", 0)
        self._extra = given.mapping("extra")
        self._form = given.text("form", "json_schema", among=FORMS)
        context = OLLAMA_CONTEXT if self._form == "ollama" else None
        self._context = given.optional_count("context_tokens", context)
        self._image_tokens = given.count("image_tokens", 1500)
        self.rendition = Rendition(
            long_side=given.optional_count("long_side", 1448, least=64),
            quality=given.count("quality", 80, least=1, most=95),
            gray=given.flag("gray"),
        )
        self.price = given.price() or Price()
        emulated = given.flag("emulated")
        self.notice = EMULATED if emulated else ""
        if emulated:
            self.title = said.EMULATED_TITLE.format(what=self.title)
        given.refuse_others()
        if self._base_url and not self._base_url.startswith(("http://", "https://")):
            raise BadOption("base_url must be an address such as http://127.0.0.1:8080/v1.")
        self._base_url, self._person = _apart(self._base_url)
        self.missing = self._missing()
        self.account = f"local:{hashlib.sha256(self._base_url.encode()).hexdigest()[:12]}"

    def _missing(self) -> str:
        if not self._base_url:
            return said.NO_LOCAL_ADDRESS
        if not self.model:
            return said.NO_LOCAL_MODEL.format(address=self._base_url)
        return ""

    def estimate(self, request: Request, read_image: ReadImage) -> Usage:
        """Text by its length, each image as `image_tokens`; no image is opened."""
        images = sum(isinstance(part, Image) for part in request.parts)
        return Usage(
            input_tokens=request_text_tokens(request) + images * self._image_tokens,
            output_tokens=request.likely_output_tokens,
        )

    def image_note(self, width: int, height: int) -> str:
        """For a person: how large a page of this size is sent, and what it counts as."""
        wide, high = self.rendition.fit(width, height)
        tokens = f"{self._image_tokens:,}"
        return said.PAGE_SENT_BY_RULE.format(
            wide=wide, high=high, tokens=tokens, what=said.AS_CONFIGURED
        )

    def answer(self, request: Request, read_image: ReadImage) -> Answer:
        """Ask, and ask again where that may help. Raises ProviderBusy and ProviderRefused."""
        if self.missing:
            raise ProviderRefused(self.missing)
        expected = self.estimate(request, read_image)
        if too_long := self._too_long(expected):
            return self._error(request, _Failed(too_long, again=False))
        body = self._body(request, read_image, expected)
        end = time.monotonic() + ANSWER_SECONDS
        used = Usage()
        failed = _Failed("")
        for attempt in range(1 + self._retries):
            if attempt:
                pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
                if time.monotonic() + pause + self._timeout > end:
                    # Later, when the server may have more time.
                    return self._error(request, failed, used, retryable=True)
                time.sleep(pause)
            try:
                raw = self._call(body)
                answer = self._read(request, raw, used)
            except _Failed as one:
                failed, used = one, sum_of(used, one.usage)
                if not one.again:
                    break
            except ProviderBusy:
                if failed.problem != BROKE:
                    raise
                # The server went away in the middle of this request, maybe because of it. As
                # busy it would be asked without end; as an error it is asked a few times.
                return self._error(request, failed, used, retryable=True)
            else:
                return answer
        return self._error(request, failed, used, retryable=failed.problem == BROKE)

    def _too_long(self, expected: Usage) -> str:
        needed = expected.input_tokens + expected.output_tokens
        if self._context is None or needed <= self._context:
            return ""
        return said.TOO_LONG.format(needed=f"{needed:,}", context=f"{self._context:,}")

    def _body(self, request: Request, read_image: ReadImage, expected: Usage) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        for one in with_labels(request.parts):
            if isinstance(one, str):
                content.append({"type": "text", "text": one})
            else:
                picture = read_image(one)
                data = pybase64.b64encode(picture.content).decode()
                url = f"data:{picture.media_type};base64,{data}"
                content.append({"type": "image_url", "image_url": {"url": url}})
        tokens = max(request.max_output_tokens, self._output_tokens)
        if self._context is not None:
            # Servers refuse a prompt and a limit that are larger together than their context.
            tokens = min(tokens, self._context - expected.input_tokens)
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": content},
            ],
            "max_tokens": tokens,
            "temperature": self._temperature,
        }
        if self._effort:
            body["reasoning_effort"] = self._effort
        if self._form == "json_object_schema":
            body["response_format"] = {"type": "json_object", "schema": request.schema}
        elif self._form != "prompt":
            described = {"name": "reply", "strict": True, "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": described}
        return body | self._extra

    @cached_property
    def _client(self) -> OpenAI:
        import openai

        # Nothing that is meant for OpenAI (OPENAI_API_KEY, an organisation) goes to this server.
        authorization = f"Bearer {self._key or 'none'}"
        if self._person:
            authorization = f"Basic {base64.b64encode(self._person.encode()).decode()}"
        client = openai.OpenAI(
            base_url=self._base_url,
            api_key=self._key or "none",
            default_headers={"Authorization": authorization},
            timeout=openai.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout)),
            max_retries=0,
        )
        client.organization = client.project = None
        return client

    def _call(self, body: dict[str, Any]) -> str:
        """The text of a response with status 200. Raises _Failed and the engine's two errors."""
        import httpx2
        import openai

        try:
            response = self._client.post("/chat/completions", body=body, cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            raise self._judged(error) from None
        except openai.APIConnectionError as error:
            raise self._judged_connection(error) from None
        except (httpx2.TransportError, httpx2.DecodingError):
            raise _Failed(BROKE) from None
        return response.text

    def _judged_connection(self, error: APIConnectionError) -> Exception:
        import httpx2
        import openai

        if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout):
            return ProviderBusy(said.NO_SERVER.format(address=self._base_url))
        if isinstance(error, openai.APITimeoutError):
            return _Failed(said.NO_ANSWER_IN_TIME.format(seconds=f"{self._timeout:g}"))
        return _Failed(BROKE)

    def _judged(self, error: APIStatusError) -> Exception:
        status = error.status_code
        told = said.SERVER_ANSWERED.format(
            address=self._base_url, status=status, why=message_of(error, self._key)
        )
        if status in (401, 403):
            return ProviderRefused(said.CHECK_KEY.format(why=told, variable=self._key_name))
        if status == 404:
            return ProviderRefused(said.CHECK_ADDRESS.format(why=told, model=repr(self.model)))
        if status in (409, 429, 503):
            return ProviderBusy(told, retry_after(error.response))
        if 400 <= status < 500 and any(word in told for word in ("response_format", "json_schema")):
            # The schema is the same in all requests of a run, and so is this answer.
            return ProviderRefused(said.SET_FORM.format(why=told))
        return _Failed(told, again=status == 408 or status >= 500, raw=error.response.text)

    def _read(self, request: Request, raw: str, used: Usage) -> Answer:
        """What a response says: how it ended first, then its text. Raises _Failed."""
        try:
            reply = as_mapping(json.loads(raw))
        except (ValueError, RecursionError):
            raise _Failed(NO_JSON, raw=raw) from None
        choices = reply.get("choices")
        choice = as_mapping(choices[0] if isinstance(choices, list) and choices else None)
        message = as_mapping(choice.get("message"))
        usage = _usage(as_mapping(reply.get("usage")))
        ended = choice.get("finish_reason")
        finish: Literal["complete", "truncated", "refused"] = "complete"
        text, problem = _text(message.get("content")), ""
        if refusal := message.get("refusal"):
            finish, problem = "refused", said.REFUSED.format(words=clean(str(refusal)))
        elif ended == "content_filter":
            finish, problem = "refused", BLOCKED
        elif ended == "length":
            finish, problem = "truncated", TRUNCATED
        elif not text.strip():
            # Some models leave everything in their reasoning, now and then.
            raise _Failed(EMPTY, raw=raw, usage=usage)
        model = reply.get("model")
        return Answer(
            request.custom_id,
            text if finish == "complete" else "",
            raw,
            finish=finish,
            problem=problem,
            retryable=finish == "truncated",
            model=model if isinstance(model, str) and model else self.model,
            usage=sum_of(used, usage),
        )

    def _error(
        self,
        request: Request,
        failed: _Failed,
        used: Usage | None = None,
        *,
        retryable: bool = False,
    ) -> Answer:
        return Answer(
            request.custom_id,
            "",
            failed.raw,
            finish="error",
            problem=failed.problem,
            retryable=retryable,
            model=self.model,
            usage=used or Usage(),
        )


def _title(model: str) -> str:
    return said.LOCAL_TITLE.format(model=model) if model else said.LOCAL_WITHOUT_MODEL


def _apart(address: str) -> tuple[str, str]:
    """An address without the user and password in it, and these as "user:password".

    The address stands in messages, on pages and in logs.
    """
    scheme, slashes, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    person, _, host = place.rpartition("@")
    return f"{scheme}{slashes}{host}{slash}{path}", unquote(person)


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [as_mapping(part) for part in content]
        content = "".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")
    return content if isinstance(content, str) else ""


def _usage(counts: Mapping[str, Any]) -> Usage:
    details = as_mapping(counts.get("prompt_tokens_details"))
    return usage_of(
        counts.get("prompt_tokens"), counts.get("completion_tokens"), details.get("cached_tokens")
    )
