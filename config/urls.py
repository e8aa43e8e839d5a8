"""Every address of Sheaf: pages by app, the admin, and the health of the process."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("accounts.urls")),
    path("", include("batching.urls")),
    path("", include("exams.urls")),
    path("", include("grading.urls")),
]
