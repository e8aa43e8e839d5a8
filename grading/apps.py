"""The app's entry into Django."""

from django.apps import AppConfig


class GradingConfig(AppConfig):
    name = "grading"

    def ready(self) -> None:
        from batching import purposes
        from grading.grade_sheet import GradeSheet

        purposes.register(GradeSheet())
