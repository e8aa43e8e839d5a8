"""What providers say with values in it: of requests, of batches, and of themselves.

It is kept in rows as it was said, in English; accounts/told.py tells it in the reader's language.
So each sentence stands here once, and providers fill it in. A value called why or what is a text
of ours again, or the vendor's own words. What they say in fixed words stands where they say it,
in the gettext_noop of this module.
"""


def gettext_noop(text: str) -> str:
    """The text as it stands: the name under which it comes into the catalogues. No Django here."""
    return text


# -- of one request ------------------------------------------------------------------------------

REFUSED = gettext_noop("The model refused: {words}")
MODEL_FAILED = gettext_noop("The model failed: {why}")
REPLY_STATE = gettext_noop("The reply is {state}.")
OPENAI_NOT_RUN = gettext_noop("OpenAI did not run the request: {why}")
OPENAI_ERROR = gettext_noop("OpenAI answered with an error: {why}")
GEMINI_BLOCKED = gettext_noop("Gemini blocked the request: {name}.")
GEMINI_STOPPED = gettext_noop("Gemini stopped the reply: {name}.")
GEMINI_STOPPED_SAYING = gettext_noop("Gemini stopped the reply: {name}. {words}")
GEMINI_ENDED = gettext_noop("Gemini ended the reply early: {name}.")
GEMINI_NOT_RUN = gettext_noop("Gemini did not run the request ({code}): {why}")
NO_SCHEMA = gettext_noop("{vendor} cannot take the schema of the reply: {words}")
TOO_LONG = gettext_noop(
    "This request takes about {needed} tokens, and the server's context holds {context}: it was"
    " not sent, since a server may cut it silently. Give the server a larger context and set"
    " context_tokens to it, or send smaller images and set image_tokens."
)
NO_ANSWER_IN_TIME = gettext_noop("The model did not answer within {seconds} seconds.")

# -- of the offline reader -----------------------------------------------------------------------

NO_ANSWER_KEY = gettext_noop(
    "No answer key for {codes}: the offline baseline has nothing to compare the answer with. Add"
    " the key to the rubric, or mark these by hand."
)
OF_PAGE = gettext_noop("Page {page}: {why}")
NO_PICTURE = gettext_noop("The page image cannot be opened: {words}")
NO_TESSERACT = gettext_noop("The program {program} is missing: install the package tesseract-ocr.")
TESSERACT_SLOW = gettext_noop("Tesseract took longer than {seconds} seconds.")
TESSERACT_FAILED = gettext_noop("Tesseract failed: {words}")

# -- of a server ---------------------------------------------------------------------------------

NO_SERVER = gettext_noop("No server answers at {address}.")
SERVER_ANSWERED = gettext_noop("The server at {address} answered {status}: {why}")
CHECK_KEY = gettext_noop("{why} Check the key in {variable}.")
CHECK_ADDRESS = gettext_noop(
    "{why} Check the address, which mostly ends in /v1, and whether the server has the model"
    " {model}."
)
SET_FORM = gettext_noop("{why} Set form (LOCAL_FORM) to what this server takes.")

# -- of OpenAI and its batches -------------------------------------------------------------------

ANSWERED = gettext_noop("{vendor} answered {status}: {why}")
NOT_REACHED = gettext_noop("{vendor} cannot be reached.")
NO_JSON = gettext_noop("{vendor} answered with something that is no JSON.")
NO_FILE_ID = gettext_noop("{vendor} answered the upload without a file id.")
NO_BATCH_ID = gettext_noop("{vendor} answered without the id of the batch.")
FILE_NOT_FOUND = gettext_noop("{vendor} does not find the file that was uploaded: {why}")
SAME_PAGE = gettext_noop("{vendor} gives one page of its list again and again.")
LIST_CHANGED = gettext_noop("{vendor}'s list changed while it was read.")
NOT_THE_BATCH = gettext_noop("{vendor} answered with something that is not the batch.")
NOT_CANCELLED = gettext_noop("{vendor} did not cancel the batch: {why}")
RESULTS_WITHHELD = gettext_noop("{vendor} has a file of results and does not give it.")
RESULTS_SHORT = gettext_noop("A file of results came short: {came} of {expected} bytes.")
LINE_WRONG = gettext_noop("Line {line}: {why}")
AND_MORE = gettext_noop("{why} And {more} more.")

# -- of Gemini and its batches; `what` is what was being done ------------------------------------

UPLOADING = gettext_noop("Uploading the requests")
CREATING = gettext_noop("Creating the batch")
LOOKING_AT_FILE = gettext_noop("Looking at the uploaded file")
LOOKING = gettext_noop("Looking at the batch")
LISTING = gettext_noop("Reading the list of batches")
DOWNLOADING = gettext_noop("Downloading the results")
CANCELLING = gettext_noop("Cancelling the batch")
GEMINI_ANSWERED = gettext_noop("{what}: Gemini answered {code}: {why}")
GEMINI_NOT_REACHED = gettext_noop("{what}: Gemini cannot be reached.")
GEMINI_UNREADABLE = gettext_noop("{what}: Gemini's answer cannot be read ({name}).")
GEMINI_NOT_THE_BATCH = gettext_noop("{what}: Gemini answered with something that is not the batch.")
GEMINI_NO_FILE_YET = gettext_noop("{what}: the file is not there yet.")
GEMINI_FILE_SHORT = gettext_noop("{what}: the file came short.")

# -- of themselves -------------------------------------------------------------------------------

NO_OPENAI_KEY = gettext_noop(
    "{variable} is not set: put the key of an OpenAI project there, in the environment or in"
    " .env, and start the workers again."
)
NO_GEMINI_KEY = gettext_noop(
    "{name} is not set: put a key of the Gemini API into the environment or into .env, and"
    " start the workers again."
)
NO_SUCH_KEY = gettext_noop("{name} is no key: it holds blanks, or characters that cannot be sent.")
NO_LOCAL_ADDRESS = gettext_noop(
    "Set LOCAL_BASE_URL (or base_url of this configuration) to the address of the model's"
    " server, such as http://127.0.0.1:8080/v1."
)
NO_LOCAL_MODEL = gettext_noop(
    "Set LOCAL_MODEL (or model of this configuration) to the name under which the server at"
    " {address} knows the model."
)
LOCAL_WITHOUT_MODEL = gettext_noop("Local model")
LOCAL_TITLE = gettext_noop("Local model {model}")
EMULATED_TITLE = gettext_noop("{what} (emulator)")
PAGE_SENT = gettext_noop(
    "A page is sent with {wide} × {high} pixels and counts as {tokens} tokens."
)
PAGE_SENT_BY_RULE = gettext_noop(
    "A page is sent with {wide} × {high} pixels and counts as {tokens} tokens ({what})."
)
AS_CONFIGURED = gettext_noop("image_tokens of the configuration")
LIKE_MODEL = gettext_noop("{what}; the rule of a like model")
TILES = gettext_noop("{base} and {tile} for each tile of {pixels} pixels")
PATCHES = gettext_noop("patches of {pixels} pixels, each {factor} tokens")

SHAPES = tuple(
    value
    for name, value in sorted(vars().items())
    if name.isupper() and isinstance(value, str) and "{" in value
)
