"""Every address of Sheaf: pages by app, the admin, and the health of the process."""

from django.contrib import admin
from django.urls import include, path

from batching.views import healthz
from grading.views import dashboard

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api")),
    path("", include("accounts.urls")),
    path("", include("exams.urls")),
    path("", include("grading.urls")),
]
