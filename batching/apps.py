"""The app's entry into Django."""

from django.apps import AppConfig


class BatchingConfig(AppConfig):
    name = "batching"

    def ready(self) -> None:
        from batching import due

        due.register()
