"""Settings for tests: a data folder of their own, fast passwords, mail kept in memory."""

import atexit
import os
import shutil
import tempfile

if "SHEAF_DATA_DIR" not in os.environ:
    os.environ["SHEAF_DATA_DIR"] = tempfile.mkdtemp(prefix="sheaf-test-")
    atexit.register(shutil.rmtree, os.environ["SHEAF_DATA_DIR"], ignore_errors=True)

from config.settings import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_BROKER_URL = "memory://localhost/"

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in life: threads cannot share a database in memory.
    DATABASES["default"]["TEST"] = {"NAME": SHEAF_DATA_DIR / "test.sqlite3"}
