"""Addresses of the API of accounts, included by config/api.py."""

from django.urls import path

from accounts.api import account, classes, notifications, people, sessions, sign_in

urlpatterns = [
    path("token/", sign_in.token, name="token"),
    path("token/refresh/", sign_in.token_refresh, name="token_refresh"),
    path("token/end/", sign_in.token_end, name="token_end"),
    path("sessions/", sessions.session_list, name="sessions"),
    path("sessions/end/", sessions.sessions_end, name="sessions_end"),
    path("sessions/<int:pk>/end/", sessions.session_end, name="session_end"),
    path("me/", account.me, name="me"),
    path("people/", people.people_list, name="people"),
    path("people/<int:pk>/", people.person_detail, name="person_detail"),
    path("people/<int:pk>/link/", people.person_link, name="person_link"),
    path("people/<int:pk>/close/", people.person_close, name="person_close"),
    path("people/<int:pk>/open/", people.person_open, name="person_open"),
    path("people/<int:pk>/second-factor/", people.person_reset, name="person_reset"),
    path("people/<int:pk>/sign-out/", people.person_sign_out, name="person_sign_out"),
    path("classes/", classes.class_list, name="classes"),
    path("classes/<int:pk>/", classes.class_detail, name="class_detail"),
    path("classes/<int:pk>/roster/", classes.roster, name="roster"),
    path("classes/<int:pk>/links/", classes.links, name="links"),
    path("classes/<int:pk>/links/send/", classes.links_send, name="links_send"),
    path("subjects/", classes.subjects, name="subjects"),
    path("notifications/", notifications.notification_list, name="notifications"),
    path("notifications/read/", notifications.notifications_read, name="notifications_read"),
    path("notifications/<int:pk>/read/", notifications.notification_read, name="notification_read"),
]
