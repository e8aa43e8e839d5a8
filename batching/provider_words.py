"""What providers say in fixed words, named here so that it can be translated.

Providers import no Django, and what they say is kept in rows as they said it. Pages tell it in
the reader's language ({{ item.reason|told }}). A test compares these with the providers' own; what
they say with values in it stands in batching/providers/said.py.
"""

from django.utils.translation import gettext_noop

# Titles of configurations that nobody gave another one.
TITLES = (gettext_noop("Offline baseline"), gettext_noop("Local model"))
PROVIDER_WORDS = (
    gettext_noop(
        "A baseline without AI: it compares what it could read with the answer key. Every mark must"
        " be reviewed."
    ),
    gettext_noop(
        "An emulator on this machine, not OpenAI: its marks are those of the offline reader, its"
        " prices examples."
    ),
    gettext_noop(
        "An emulator on this machine, not Gemini: its marks are those of the offline reader, its"
        " prices examples."
    ),
    gettext_noop(
        "An emulator on this machine, not a model: its marks are those of the offline reader."
    ),
    gettext_noop("No writing could be read on any page of this sheet."),
    gettext_noop("The request holds no rubric, and without it nothing can be graded."),
    gettext_noop("The model wrote no text."),
    gettext_noop("The model answered without any content."),
    gettext_noop("The reply has the right form, but every value in it is empty."),
    gettext_noop("The provider's line holds no reply."),
    gettext_noop("The batch was cancelled before this request was run."),
    gettext_noop("The batch expired before this request was run."),
    gettext_noop("The batch expired at the provider, which gives no results then."),
    gettext_noop("The batch expired: OpenAI did not finish it within 24 hours."),
    gettext_noop("The provider says that the batch has ended, and names no results."),
    gettext_noop("OpenAI does not know this batch any more."),
    gettext_noop("Gemini does not know this batch any more."),
    gettext_noop("OpenAI refused the batch and gave no reason."),
    gettext_noop("OpenAI blocked the request or the reply: its filter found something in it."),
    gettext_noop("The server's content filter blocked the answer."),
    gettext_noop("The server answered with something that is no JSON."),
    gettext_noop("The connection broke before the answer was there."),
    gettext_noop("no reason was given."),
    gettext_noop("The provider gives no reason."),
    gettext_noop("The reply was cut off at the token limit."),
    gettext_noop("Creating the batch: Gemini answered without the batch's name."),
    gettext_noop("Uploading the requests: Gemini is still taking the file in."),
    gettext_noop("Uploading the requests: Gemini could not take the file in."),
    gettext_noop("Uploading the requests: Gemini answered without the file's name."),
    gettext_noop("Reading the list of batches: Gemini's list does not end."),
    gettext_noop(
        "Set LOCAL_BASE_URL (or base_url of this configuration) to the address of the model's"
        " server, such as http://127.0.0.1:8080/v1."
    ),
)
