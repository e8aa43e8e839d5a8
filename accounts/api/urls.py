"""Addresses of the API of people, included by config/api.py."""

from django.urls import path

from accounts.api import notifications, people, sessions, sign_in

urlpatterns = [
    path("token/", sign_in.token, name="token"),
    path("token/refresh/", sign_in.token_refresh, name="token_refresh"),
    path("token/end/", sign_in.token_end, name="token_end"),
    path("sessions/", sessions.session_list, name="sessions"),
    path("sessions/end/", sessions.sessions_end, name="sessions_end"),
    path("sessions/<int:pk>/end/", sessions.session_end, name="session_end"),
    path("me/", people.me, name="me"),
    path("classes/", people.classes, name="classes"),
    path("classes/<int:pk>/", people.class_detail, name="class_detail"),
    path("classes/<int:pk>/roster/", people.roster, name="roster"),
    path("classes/<int:pk>/links/", people.links, name="links"),
    path("classes/<int:pk>/links/send/", people.links_send, name="links_send"),
    path("subjects/", people.subjects, name="subjects"),
    path("notifications/", notifications.notification_list, name="notifications"),
    path("notifications/read/", notifications.notifications_read, name="notifications_read"),
    path("notifications/<int:pk>/read/", notifications.notification_read, name="notification_read"),
]
