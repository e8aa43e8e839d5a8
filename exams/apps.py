"""The app's entry into Django."""

from django.apps import AppConfig


class ExamsConfig(AppConfig):
    name = "exams"

    def ready(self) -> None:
        from batching import purposes
        from exams import due
        from exams.key_extraction import ExtractAnswerKey
        from exams.transcribe import TranscribeSample

        purposes.register(ExtractAnswerKey())
        purposes.register(TranscribeSample())
        due.register()
