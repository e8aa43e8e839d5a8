"""The errors of OpenAI's SDK as the engine's two: no, and try later.

For everything that is asked through that SDK. The message is the vendor's own, without any
key that it may quote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from batching.providers import said
from batching.providers.base import ProviderBusy, ProviderRefused
from batching.providers.vendor_words import NO_REASON, as_mapping, as_text, clean, retry_after

RETRYABLE = (408, 409, 429)
# No credit left: a person has to pay first.
OUT_OF_CREDIT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
CREDIT_SECONDS = 3600.0


@contextmanager
def sdk_errors(
    vendor: str, secret: str = "", *, passing: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Calls of the SDK inside raise ProviderBusy or ProviderRefused, but for errors `passing`.

    `secret` is in no message.
    """
    import httpx2
    import openai

    try:
        yield
    except passing:
        raise
    except openai.APIStatusError as error:
        raise of_status(vendor, error, secret) from None
    except (openai.APIError, httpx2.TransportError, httpx2.DecodingError):
        raise ProviderBusy(said.NOT_REACHED.format(vendor=vendor)) from None
    except json.JSONDecodeError:
        raise ProviderBusy(said.NO_JSON.format(vendor=vendor)) from None
    except (openai.OpenAIError, httpx2.InvalidURL) as error:
        raise ProviderRefused(f"{vendor}: {clean(str(error), secret)}") from None


def of_status(vendor: str, error: Exception, secret: str = "") -> ProviderBusy | ProviderRefused:
    """What an answer with a 4xx or 5xx means: to be tried later, or refused."""
    status = int(getattr(error, "status_code", 0))
    told = said.ANSWERED.format(vendor=vendor, status=status, why=message_of(error, secret))
    code = str(getattr(error, "code", None) or getattr(error, "type", None) or "")
    if status in RETRYABLE or status >= 500:
        wait = retry_after(getattr(error, "response", None))
        if code in OUT_OF_CREDIT:
            wait = max(wait or 0.0, CREDIT_SECONDS)
        return ProviderBusy(told, wait)
    return ProviderRefused(told)


def message_of(error: Exception, secret: str = "") -> str:
    """The vendor's own words, one line of at most 300 characters."""
    body = getattr(error, "body", None)
    words = as_mapping(body).get("message")
    return clean(as_text(words) or NO_REASON, secret)
