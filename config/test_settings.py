"""Settings for tests: a data folder of their own, fast passwords, mail kept in memory."""

import os
import tempfile

if "SHEAF_DATA_DIR" not in os.environ:
    os.environ["SHEAF_DATA_DIR"] = tempfile.mkdtemp(prefix="sheaf-test-")

from config.settings import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_BROKER_URL = "memory://"
