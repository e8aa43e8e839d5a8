"""Where the four apps are put together; nothing in them imports from here.

manage.py, Celery and the web server all come in through here: with a setting that cannot be, they
end with one line that says which, and not with a traceback.
"""

import sys

from django.core.exceptions import ImproperlyConfigured

try:
    from config.celery import app as celery_app
except ImproperlyConfigured as error:
    sys.stderr.write(f"Sheaf cannot start. {error}\n")
    # What gunicorn takes for an end; after any other it would start its workers again for ever.
    raise SystemExit(3) from None

__all__ = ["celery_app"]
