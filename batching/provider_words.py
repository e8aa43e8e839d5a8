"""What providers say in fixed words, named here so that it can be translated.

Providers import no Django, and what they say is kept in rows as they said it. Pages translate it
when they show it ({% translate item.reason %}). A test compares these with the providers' own.
"""

from django.utils.translation import gettext_noop

from accounts.told import told

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
)

# What is missing of a configuration, with the names of its settings.
MISSING = (
    gettext_noop(
        "{variable} is not set: put the key of an OpenAI project there, in the environment or in"
        " .env, and start the workers again."
    ),
    gettext_noop(
        "{name} is not set: put a key of the Gemini API into the environment or into .env, and"
        " start the workers again."
    ),
    gettext_noop("{name} is no key: it holds blanks, or characters that cannot be sent."),
    gettext_noop(
        "Set LOCAL_BASE_URL (or base_url of this configuration) to the address of the model's"
        " server, such as http://127.0.0.1:8080/v1."
    ),
    gettext_noop(
        "Set LOCAL_MODEL (or model of this configuration) to the name under which the server at"
        " %(address)s knows the model."
    ),
)


def told_missing(missing: str) -> str:
    """What a provider says is missing, in the language that is active; "" for nothing."""
    return missing and told(missing, MISSING)
