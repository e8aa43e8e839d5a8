"""The app's entry into Django."""

from django.apps import AppConfig


class ExamsConfig(AppConfig):
    name = "exams"

    def ready(self) -> None:
        from accounts import told
        from batching import purposes
        from exams import due, row_words
        from exams.key_extraction import ExtractAnswerKey
        from exams.transcribe import TranscribeSample

        purposes.register(ExtractAnswerKey())
        purposes.register(TranscribeSample())
        due.register()
        told.register(row_words.SHAPES, row_words.REASONS)
