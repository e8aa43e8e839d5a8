"""The app's entry into Django."""

from django.apps import AppConfig


class BatchingConfig(AppConfig):
    name = "batching"

    def ready(self) -> None:
        from batching import checks, due

        checks.register()
        due.register()
