"""Where a batch is at its provider, in plain words: {{ job.remote_state|remote_words }}.

Rows keep the provider's own word, which stays beside as a detail.
"""

from __future__ import annotations

import re
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

register = template.Library()

PREFIX = re.compile(r"\A(batch|job)_state_")
WAITING, RUNNING = gettext_lazy("waiting for its turn"), gettext_lazy("being worked on")
FINISHED = gettext_lazy("finished")
WORDS = {
    "validating": gettext_lazy("the requests are being checked"),
    "pending": WAITING,
    "queued": WAITING,
    "in_progress": RUNNING,
    "running": RUNNING,
    "updating": RUNNING,
    "finalizing": gettext_lazy("the replies are being put together"),
    "cancelling": gettext_lazy("being stopped"),
    "completed": FINISHED,
    "succeeded": FINISHED,
    "partially_succeeded": gettext_lazy("finished in part"),
    "expired": gettext_lazy("out of time"),
    "cancelled": gettext_lazy("stopped"),
    "failed": gettext_lazy("failed"),
}


@register.filter
def remote_words(state: str) -> str:
    """A provider's word for where a batch is, in ours; one that nobody knows as it stands."""
    words = WORDS.get(PREFIX.sub("", state.lower()))
    return str(words) if words else _("“%(word)s”, as it says itself") % {"word": state}


@register.filter
def is_past(when: datetime) -> bool:
    """Whether a time has come."""
    return when <= timezone.now()
