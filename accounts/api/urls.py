"""Addresses of the API of people, included by config/api.py."""

from django.urls import path

from accounts.api import notifications, people, persons, sessions, sign_in

urlpatterns = [
    path("token/", sign_in.token, name="token"),
    path("token/refresh/", sign_in.token_refresh, name="token_refresh"),
    path("token/end/", sign_in.token_end, name="token_end"),
    path("sessions/", sessions.session_list, name="sessions"),
    path("sessions/end/", sessions.sessions_end, name="sessions_end"),
    path("sessions/<int:pk>/end/", sessions.session_end, name="session_end"),
    path("me/", people.me, name="me"),
    path("people/", persons.people_list, name="people"),
    path("people/<int:pk>/", persons.person_detail, name="person_detail"),
    path("people/<int:pk>/link/", persons.person_link, name="person_link"),
    path("people/<int:pk>/close/", persons.person_close, name="person_close"),
    path("people/<int:pk>/open/", persons.person_open, name="person_open"),
    path("people/<int:pk>/second-factor/", persons.person_reset, name="person_reset"),
    path("people/<int:pk>/sign-out/", persons.person_sign_out, name="person_sign_out"),
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
