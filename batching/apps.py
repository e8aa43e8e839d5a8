"""The app's entry into Django."""

from django.apps import AppConfig


class BatchingConfig(AppConfig):
    name = "batching"

    def ready(self) -> None:
        from accounts import told
        from batching import checks, due, row_words

        checks.register()
        due.register()
        told.register(row_words.SHAPES, feedback=row_words.FEEDBACK)
