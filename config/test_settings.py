"""Settings for tests: a data folder of their own, fast passwords, mail kept in memory, no keys."""

import atexit
import os
import shutil
import tempfile

if "SHEAF_DATA_DIR" not in os.environ:
    os.environ["SHEAF_DATA_DIR"] = tempfile.mkdtemp(prefix="sheaf-test-")
    atexit.register(shutil.rmtree, os.environ["SHEAF_DATA_DIR"], ignore_errors=True)

# A developer's .env is not for tests, nor for the processes that they start.
os.environ["PYTHON_DOTENV_DISABLED"] = "1"

# No test speaks to a vendor, whatever the shell has set.
VENDORS = ("OPENAI_", "GEMINI_", "GOOGLE_", "LOCAL_", "SHEAF_PROVIDERS", "SHEAF_EMULATORS")
for variable in [name for name in os.environ if name.startswith(VENDORS)]:
    del os.environ[variable]

from config.settings import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Time passes by the rows of a test, and emulators list what they have at once.
SHEAF_LIST_LAG_SECONDS = 0
# One test may ask more in a minute than a person does.
SHEAF_API_RATE_PERSON = SHEAF_API_RATE_ADDRESS = 0
CELERY_BROKER_URL = "memory://localhost/"


class NoValue(str):
    """Stands on a page where a template names what the view gives no value for.

    In life nothing stands there; conditions and filters take it for nothing here as well.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


NO_VALUE = NoValue("[no value]")
TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = NO_VALUE

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in life: threads cannot share a database in memory.
    DATABASES["default"]["TEST"] = {"NAME": SHEAF_DATA_DIR / "test.sqlite3"}
