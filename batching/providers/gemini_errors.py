"""The errors of Google's SDK as the engine's two: no, and try later.

The message is the vendor's own, with the call that it is about, and without the key: Google
quotes it ("Consumer 'api_key:…' has been suspended").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from batching.providers import said
from batching.providers.base import ProviderBusy, ProviderRefused
from batching.providers.vendor_words import (
    LONGEST_WAIT,
    NO_REASON,
    as_mapping,
    as_text,
    clean,
    retry_after,
)

if TYPE_CHECKING:
    from google.genai.errors import APIError

RETRYABLE = (408, 409, 429)
DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


@contextmanager
def sdk_errors(what: str, secret: str, *passing: type[Exception]) -> Iterator[None]:
    """Calls of the SDK inside raise ProviderBusy or ProviderRefused about `what` was done.

    `secret` is in no message. Errors of the types `passing` are left to the caller.
    """
    import httpx2
    from google.genai.errors import APIError

    try:
        yield
    except passing:
        raise
    except APIError as error:
        raise of_status(what, error, secret) from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise ProviderRefused(f"{what}: {clean(str(error), secret)}") from None
    except (httpx2.HTTPError, httpx2.StreamError):
        raise ProviderBusy(said.GEMINI_NOT_REACHED.format(what=what)) from None
    except (KeyError, TypeError, ValueError) as error:
        # The SDK takes an answer apart that is no JSON, or lacks what it must have.
        name = type(error).__name__
        raise ProviderBusy(said.GEMINI_UNREADABLE.format(what=what, name=name)) from None


def of_status(what: str, error: APIError, secret: str) -> ProviderBusy | ProviderRefused:
    """What an answer with a 4xx or 5xx means: to be tried later, or refused."""
    code = error.code if isinstance(error.code, int) else 0
    told = said.GEMINI_ANSWERED.format(what=what, code=code, why=message_of(error, secret))
    if code in RETRYABLE or code >= 500 or code < 400:
        return ProviderBusy(told, wait_of(error))
    return ProviderRefused(told)


def is_missing(error: APIError) -> bool:
    """Does Gemini say that there is no such thing? Of a file it says that it may not exist."""
    if error.code == 404:
        return error.status == "NOT_FOUND"  # and not the page of some proxy
    return error.code == 403 and "may not exist" in str(error.message)


def message_of(error: APIError, secret: str) -> str:
    """The vendor's own words, one line of at most 300 characters."""
    return clean(as_text(error.message) or NO_REASON, secret)


def wait_of(error: APIError) -> float | None:
    """Seconds that Gemini wants us to wait: by its header or its RetryInfo, the longer one."""
    named = [retry_after(getattr(error, "response", None))]
    for detail in _details(error.details):
        if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
            delay = DELAY.fullmatch(str(detail.get("retryDelay", "")))
            named.append(min(float(delay.group(1)), LONGEST_WAIT) if delay else None)
    return max((one for one in named if one is not None), default=None)


def _details(body: Any) -> list[Mapping[str, Any]]:
    details = as_mapping(as_mapping(body).get("error")).get("details")
    return [one for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
