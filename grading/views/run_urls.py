"""Addresses of the pages of runs, included by grading/urls.py."""

from django.urls import path

from grading.views import run_example, runs

urlpatterns = [
    path("exams/<int:pk>/runs/", runs.run_list, name="run_list"),
    path("exams/<int:pk>/runs/new/", runs.run_create, name="run_create"),
    path("runs/<int:pk>/", runs.run_detail, name="run_detail"),
    path("runs/<int:pk>/progress/", runs.run_progress, name="run_progress"),
    path("runs/<int:pk>/items/", runs.run_items, name="run_items"),
    path("runs/<int:pk>/send/", runs.run_send, name="run_send"),
    path("runs/<int:pk>/cancel/", runs.run_cancel, name="run_cancel"),
    path("runs/<int:pk>/again/", runs.run_again, name="run_again"),
    path("runs/<int:pk>/example/", run_example.run_example, name="run_example"),
    path(
        "runs/<int:pk>/example/<int:item>/<int:number>/",
        run_example.run_example_image,
        name="run_example_image",
    ),
]
