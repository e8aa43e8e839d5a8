"""Every setting of Sheaf, in one file.

Comes in: environment variables, also from a file .env, all listed in .env.example and
docs/operations.md.
Goes out: Django settings. Without any variable Sheaf runs on a laptop: SQLite, files
and an embedded broker below one data folder. SHEAF_ENV=production turns the guards on.
"""

import os
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from batching.providers import configure
from config.database_url import read_database_url
from config.env_file import read_env_file
from config.secret_key import kept_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
# What the environment sets itself, be it to nothing, stays.
read_env_file(BASE_DIR / ".env")


def env_text(name: str, default: str = "", *, among: Collection[str] = ()) -> str:
    text = os.environ.get(name, "").strip() or default
    if among and text not in among:
        *most, last = among
        words = f"{', '.join(most)} or {last}"
        raise ImproperlyConfigured(f"{name} must be {words}, not {text!r}.")
    return text


def env_texts(name: str, default: str = "") -> list[str]:
    return [one.strip() for one in env_text(name, default).split(",") if one.strip()]


def env_number(name: str, default: float) -> float:
    text = env_text(name)
    try:
        return float(text) if text else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {text!r}.") from error


def env_flag(name: str, default: bool) -> bool:
    text = env_text(name).lower()
    if text in ("", "1", "true", "yes", "on", "0", "false", "no", "off"):
        return default if not text else text in ("1", "true", "yes", "on")
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {text!r}.")


# -- where Sheaf runs ---------------------------------------------------------------------

PRODUCTION = (
    env_text("SHEAF_ENV", "development", among=("development", "production")) == "production"
)
DEBUG = env_flag("SHEAF_DEBUG", False)
SHEAF_DATA_DIR = Path(env_text("SHEAF_DATA_DIR", str(BASE_DIR / "data"))).resolve()
SHEAF_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

SECRET_KEY = env_text("SHEAF_SECRET_KEY")
if not SECRET_KEY:
    if PRODUCTION:
        raise ImproperlyConfigured("SHEAF_SECRET_KEY is not set: production needs a secret key.")
    SECRET_KEY = kept_secret_key(SHEAF_DATA_DIR)
# Keys of before: what they signed and sealed is still read, and nothing new is made with them.
SECRET_KEY_FALLBACKS = env_texts("SHEAF_SECRET_KEY_OLD")

SITE_URL = env_text("SHEAF_SITE_URL", "http://127.0.0.1:8000")
ALLOWED_HOSTS = env_texts("SHEAF_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# -- applications -------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    # For the second factor alone: signing in is Django's (docs/decisions/0004-…).
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_fsm",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "simple_history",
    "accounts",
    "batching",
    "exams",
    "grading",
]

MIDDLEWARE = [
    "config.api_errors.EdgeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "exams.body_limits.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.signed_out.SignInFirst",
    "accounts.languages.LanguageMiddleware",
    "accounts.times.TimeZoneMiddleware",
    "accounts.sessions.SessionsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "accounts.second_factor_gate.SecondFactorGate",
    "allauth.account.middleware.AccountMiddleware",
    "batching.conflicts.ConflictMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# -- database -----------------------------------------------------------------------------

DATABASE_URL = env_text("DATABASE_URL", f"sqlite:///{SHEAF_DATA_DIR / 'sheaf.sqlite3'}")
DATABASES = {"default": read_database_url(DATABASE_URL)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE takes the write lock at BEGIN: a row that was read for update stays as it was.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    statement_timeout = int(env_number("SHEAF_STATEMENT_TIMEOUT_SECONDS", 60) * 1000)
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "options": f"-c statement_timeout={statement_timeout}"
        " -c client_connection_check_interval=2000",
    }

# -- files --------------------------------------------------------------------------------

MEDIA_ROOT = SHEAF_DATA_DIR / "media"
FILE_UPLOAD_TEMP_DIR = SHEAF_DATA_DIR / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)
FILE_UPLOAD_PERMISSIONS = 0o600
STATIC_URL = "/static/"
STATIC_ROOT = SHEAF_DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION

MEDIA_BACKEND = env_text("SHEAF_STORAGE", "files", among=("files", "s3"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
if MEDIA_BACKEND == "s3":
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": env_text("AWS_STORAGE_BUCKET_NAME"),
            "endpoint_url": env_text("AWS_S3_ENDPOINT_URL") or None,
            "region_name": env_text("AWS_S3_REGION_NAME", "us-east-1"),
            "access_key": env_text("AWS_ACCESS_KEY_ID") or None,
            "secret_key": env_text("AWS_SECRET_ACCESS_KEY") or None,
            "addressing_style": "path",
            "signature_version": "s3v4",
            "file_overwrite": False,
            "default_acl": None,
            "querystring_expire": 300,
        },
    }

# -- people and sessions ------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "accounts:login"
PASSWORD_RESET_TIMEOUT = int(env_number("SHEAF_LINK_DAYS", 7) * 86400)
AXES_HANDLER = "accounts.throttle.Throttle"
AXES_CLIENT_IP_CALLABLE = "accounts.throttle.client_address"
AXES_FAILURE_LIMIT = int(env_number("SHEAF_LOGIN_ATTEMPTS", 10))
SHEAF_LOGIN_ATTEMPTS_ACCOUNT = int(env_number("SHEAF_LOGIN_ATTEMPTS_ACCOUNT", 50))
SHEAF_LOGIN_ATTEMPTS_ADDRESS = int(env_number("SHEAF_LOGIN_ATTEMPTS_ADDRESS", 300))
SHEAF_PROXY_COUNT = int(env_number("SHEAF_PROXY_COUNT", 0))
AXES_COOLOFF_TIME = env_number("SHEAF_LOGIN_LOCK_MINUTES", 15) / 60
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
SHEAF_SIGN_IN_DAYS = env_number("SHEAF_SIGN_IN_DAYS", 90)
# Success forgets the failures of this account at this address, and no others.
AXES_RESET_ON_SUCCESS = True
# Otherwise one address that goes on trying would lock an account for everybody.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# django-axes keeps the form of a failed attempt; it knows "password" as a secret and no other.
AXES_SENSITIVE_PARAMETERS = [
    "username",
    "ip_address",
    "old_password",
    "new_password1",
    "new_password2",
    "csrfmiddlewaretoken",
]
SHEAF_SECOND_FACTOR = env_text(
    "SHEAF_SECOND_FACTOR", "offered", among=("off", "offered", "required")
)
MFA_ADAPTER = "accounts.sealing.SealedSecrets"
MFA_TOTP_ISSUER = "Sheaf"
# A code is also taken one step of 30 seconds early or late: clocks differ, and people type.
MFA_TOTP_TOLERANCE = 1

# -- the API ------------------------------------------------------------------------------

# Requests in a minute, as each web process counts them; 0 is no limit.
SHEAF_API_RATE_PERSON = int(env_number("SHEAF_API_RATE_PERSON", 600))
SHEAF_API_RATE_ADDRESS = int(env_number("SHEAF_API_RATE_ADDRESS", 6000))
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # The first one decides that nobody's request is a 401.
        "accounts.api.gates.TokenByHeader",
        "accounts.api.gates.SessionByHeader",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.gates.StrictJSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": [
        "accounts.api.gates.PersonThrottle",
        "accounts.api.gates.AddressThrottle",
    ],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "config.api_schema.Operations",
    "EXCEPTION_HANDLER": "config.api_errors.answer_error",
    "URL_FORMAT_OVERRIDE": None,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env_number("SHEAF_API_TOKEN_MINUTES", 10)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env_number("SHEAF_API_REFRESH_DAYS", 7)),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    # A new password ends the tokens of the old one, as it ends sessions.
    "CHECK_REVOKE_TOKEN": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sheaf",
    "DESCRIPTION": "Everything that a page of Sheaf can do. docs/api.md tells how to begin.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "SheetState": "exams.models.SheetState",
        "UploadState": "exams.models.UploadState",
        "JobState": "batching.models.JobState",
        "ItemState": "batching.models.ItemState",
        "KeyState": "exams.models.KeyState",
    },
}

# -- security -----------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
if PRODUCTION:
    SECURE_SSL_REDIRECT = env_flag("SHEAF_SSL_REDIRECT", True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# -- language and time --------------------------------------------------------------------

# The language of the source, of commands and of workers: what they write into rows is English on
# every site, and shown in the language of whoever reads it (accounts/languages.py).
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
SHEAF_LANGUAGE = env_text("SHEAF_LANGUAGE", LANGUAGE_CODE, among=dict(LANGUAGES))
LANGUAGE_COOKIE_AGE = 365 * 86400
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = PRODUCTION
TIME_ZONE = env_text("SHEAF_TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

# -- e-mail -------------------------------------------------------------------------------

EMAIL_HOST = env_text("SHEAF_EMAIL_HOST")
EMAIL_PORT = int(env_number("SHEAF_EMAIL_PORT", 587))
EMAIL_HOST_USER = env_text("SHEAF_EMAIL_USER")
EMAIL_HOST_PASSWORD = env_text("SHEAF_EMAIL_PASSWORD")
EMAIL_USE_TLS = env_flag("SHEAF_EMAIL_TLS", True)
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = env_text("SHEAF_EMAIL_FROM", "Sheaf <sheaf@localhost>")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.dummy.EmailBackend"
)

# -- claims and the sweeper ---------------------------------------------------------------

SHEAF_LEASE_SECONDS = env_number("SHEAF_LEASE_SECONDS", 600)
SHEAF_SWEEP_SECONDS = env_number("SHEAF_SWEEP_SECONDS", 60)
SHEAF_POLL_SECONDS = env_number("SHEAF_POLL_SECONDS", 300)
SHEAF_MAX_TRIES = int(env_number("SHEAF_MAX_TRIES", 3))
SHEAF_LATE_HOURS = env_number("SHEAF_LATE_HOURS", 26)
SHEAF_LIST_LAG_SECONDS = env_number("SHEAF_LIST_LAG_SECONDS", 120)
SHEAF_LONGEST_PAUSE_SECONDS = env_number("SHEAF_LONGEST_PAUSE_SECONDS", 3600)
# Where Flower answers, for the links of the person on call; "" for no link.
SHEAF_FLOWER_URL = env_text("SHEAF_FLOWER_URL")

# -- the broker ---------------------------------------------------------------------------

CELERY_BROKER_URL = env_text("CELERY_BROKER_URL", "filesystem://localhost")

# -- intake limits ------------------------------------------------------------------------

SHEAF_DPI = int(env_number("SHEAF_DPI", 150))
SHEAF_JPEG_QUALITY = int(env_number("SHEAF_JPEG_QUALITY", 80))
SHEAF_UPLOAD_MAX_MB = env_number("SHEAF_UPLOAD_MAX_MB", 2000)
SHEAF_UPLOAD_MAX_MEMBERS = int(env_number("SHEAF_UPLOAD_MAX_MEMBERS", 20000))
SHEAF_UPLOAD_MAX_UNPACKED_MB = env_number("SHEAF_UPLOAD_MAX_UNPACKED_MB", 8000)
SHEAF_UPLOAD_MAX_MEMBER_MB = env_number("SHEAF_UPLOAD_MAX_MEMBER_MB", 200)
SHEAF_UPLOAD_MAX_RATIO = env_number("SHEAF_UPLOAD_MAX_RATIO", 200)
SHEAF_SHEET_MAX_PAGES = int(env_number("SHEAF_SHEET_MAX_PAGES", 60))
SHEAF_PAGE_MAX_MEGAPIXELS = env_number("SHEAF_PAGE_MAX_MEGAPIXELS", 60)
SHEAF_PDF_SECONDS = env_number("SHEAF_PDF_SECONDS", 120)
SHEAF_PDF_MEMORY_MB = env_number("SHEAF_PDF_MEMORY_MB", 1500)
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
# A rubric of 200 criteria is a form of nine fields for each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2500

# -- providers ----------------------------------------------------------------------------

SHEAF_DEFAULT_PROVIDER = env_text("SHEAF_DEFAULT_PROVIDER", "offline")
SHEAF_RESEND_ROUNDS = int(env_number("SHEAF_RESEND_ROUNDS", 2))
SHEAF_SAMPLES = env_text("SHEAF_SAMPLES", "images", among=("images", "text"))

# What the environment says of each driver (batching/providers). The models take images and a
# schema in batches and are not announced to go away; no price is built in, since prices change.
DRIVER_OPTIONS = {
    "offline": {"concurrency": int(env_number("SHEAF_OFFLINE_CONCURRENCY", 2))},
    "openai": {
        "api_key": env_text("OPENAI_API_KEY"),
        "base_url": env_text("OPENAI_BASE_URL"),
        "model": env_text("OPENAI_MODEL", "gpt-4.1-mini"),
    },
    "gemini": {
        "api_key": env_text("GEMINI_API_KEY"),
        "base_url": env_text("GOOGLE_GEMINI_BASE_URL"),
        "model": env_text("GEMINI_MODEL", "gemini-2.5-flash"),
    },
    "local": {
        "api_key": env_text("LOCAL_API_KEY"),
        "base_url": env_text("LOCAL_BASE_URL"),
        "model": env_text("LOCAL_MODEL"),
        "concurrency": int(env_number("LOCAL_CONCURRENCY", 3)),
        "retries": int(env_number("LOCAL_RETRIES", 2)),
        "timeout": env_number("LOCAL_TIMEOUT_SECONDS", 180),
        "temperature": env_number("LOCAL_TEMPERATURE", 0),
        "form": env_text("LOCAL_FORM", "json_schema"),
    },
}

# Where emulators listen (manage.py run_emulator): what is answered there is no vendor's work.
EMULATORS = [one.rstrip("/") for one in env_texts("SHEAF_EMULATORS")]
try:
    # None is no cap; 0 lets nothing be spent.
    SHEAF_SPENDING_CAP = configure.read_cap(env_text("SHEAF_SPENDING_CAP"))
    named = configure.read_named(env_text("SHEAF_PROVIDERS"))
    # A configuration's name -> its driver and the driver's own options.
    SHEAF_PROVIDERS = configure.combine(
        DRIVER_OPTIONS, named, variable=env_text, emulators=EMULATORS
    )
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None
SHEAF_PROVIDERS_NAMED = list(named)

# -- logging ------------------------------------------------------------------------------

TALKATIVE = (
    "PIL amqp boto3 botocore google google_genai httpcore httpcore2 kombu openai s3transfer urllib3"
).split()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "config.logs.Line",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        # django-axes tells about itself at every start.
        "axes": {"level": "WARNING"},
        # A line for every call, with its whole address.
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        # What these tell at DEBUG holds what they work on: tags of pictures, bodies of requests
        # and messages. There are names and keys among them.
        **{name: {"level": "INFO"} for name in TALKATIVE},
    },
    "root": {"handlers": ["console"], "level": env_text("SHEAF_LOG_LEVEL", "INFO")},
}
