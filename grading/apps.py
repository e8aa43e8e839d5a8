"""The app's entry into Django."""

from django.apps import AppConfig


class GradingConfig(AppConfig):
    name = "grading"

    def ready(self) -> None:
        from accounts import told
        from batching import purposes
        from grading import row_words, standing
        from grading.grade_sheet import GradeSheet

        purposes.register(GradeSheet())
        standing.register()
        told.register(row_words.SHAPES, row_words.REASONS)
