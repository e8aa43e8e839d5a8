"""All shapes in which this app writes a text with values into a row, for accounts.told."""

from batching import (
    collect,
    direct,
    follow,
    forget,
    images,
    jobs,
    poll,
    providers,
    repair,
    reply,
    submit,
)
from batching.providers import said
from batching.providers.offline import wording

# Of students' feedback, which is told only where it is exactly one of these.
FEEDBACK = wording.FEEDBACK

SHAPES = (
    *said.SHAPES,
    collect.ASKED_AGAIN,
    direct.PUT_BACK,
    follow.GONE,
    follow.KEPT,
    follow.LEFT,
    follow.NEVER_THERE,
    follow.NOTHING_LATE,
    forget.FORGOTTEN,
    images.IMAGE_GONE,
    images.OTHER_IMAGE,
    jobs.WRITTEN_OFF,
    poll.HANDED_IN_AGAIN,
    poll.TOO_LARGE,
    providers.NOT_READY,
    providers.NOW_WITHOUT_BATCHES,
    providers.NOW_WITH_BATCHES,
    providers.UNKNOWN,
    repair.ATTEMPT,
    repair.NEXT_ATTEMPT,
    reply.LARGE_NUMBER,
    reply.NO_JSON,
    reply.NO_NUMBER,
    reply.NO_SCHEMA,
    reply.OTHER_SCHEMA,
    submit.OTHERWISE,
    submit.OTHER_ACCOUNT,
    submit.RESTS,
    submit.WAITS_FOR_ROOM,
)
