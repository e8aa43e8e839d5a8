"""Where the four apps are put together; nothing in them imports from here."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
