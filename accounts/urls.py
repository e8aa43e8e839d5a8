"""Addresses of the pages of accounts."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts.views import (
    account,
    classes,
    confirm,
    notifications,
    people,
    roster_import,
    second_factor,
    sessions,
    sign_in,
)

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sign_in.SignIn.as_view(), name="login"),
    path("sign-in/code/", sign_in.sign_in_code, name="sign_in_code"),
    # Public: a session that ended by itself must not lead to sign in and at once out again.
    path("sign-out/", login_not_required(LogoutView.as_view()), name="logout"),
    path("forgotten/", sign_in.forgotten, name="forgotten"),
    path("password/<uidb64>/<token>/", sign_in.FirstPassword.as_view(), name="first_password"),
    path("language/", account.choose_language, name="language"),
    path("account/", account.account, name="account"),
    path("account/password/", sign_in.PasswordChange.as_view(), name="password_change"),
    path("account/confirm/", confirm.confirm, name="confirm"),
    path("account/second-factor/", second_factor.second_factor, name="second_factor"),
    path(
        "account/second-factor/new/", second_factor.second_factor_begin, name="second_factor_begin"
    ),
    path(
        "account/second-factor/set-up/",
        second_factor.second_factor_set_up,
        name="second_factor_set_up",
    ),
    path(
        "account/second-factor/remove/",
        second_factor.second_factor_remove,
        name="second_factor_remove",
    ),
    path("account/recovery-codes/", second_factor.recovery_codes, name="recovery_codes"),
    path(
        "account/recovery-codes/file/",
        second_factor.recovery_codes_file,
        name="recovery_codes_file",
    ),
    path(
        "account/recovery-codes/new/", second_factor.recovery_codes_new, name="recovery_codes_new"
    ),
    path("sessions/", sessions.session_list, name="sessions"),
    path("sessions/end/", sessions.sessions_end, name="sessions_end"),
    path("sessions/<int:pk>/end/", sessions.session_end, name="session_end"),
    path("notifications/", notifications.notification_list, name="notifications"),
    path("notifications/read/", notifications.notifications_read, name="notifications_read"),
    path("notifications/seen/", notifications.notifications_seen, name="notifications_seen"),
    path("notifications/<int:pk>/", notifications.notification_open, name="notification_open"),
    path("people/", people.people_list, name="people"),
    path("people/new/", people.person_create, name="person_create"),
    path("people/<int:pk>/", people.person_detail, name="person_detail"),
    path("people/<int:pk>/link/", people.person_link, name="person_link"),
    path("people/<int:pk>/close/", people.person_close, name="person_close"),
    path("people/<int:pk>/open/", people.person_open, name="person_open"),
    path("people/<int:pk>/second-factor/", people.person_reset, name="person_reset"),
    path("people/<int:pk>/sign-out/", people.person_sign_out, name="person_sign_out"),
    path("classes/", classes.class_list, name="class_list"),
    path("classes/new/", classes.class_create, name="class_create"),
    path("classes/<int:pk>/", classes.class_detail, name="class_detail"),
    path("classes/<int:pk>/edit/", classes.class_edit, name="class_edit"),
    path("classes/<int:pk>/roster/", roster_import.roster_import, name="roster_import"),
    path("classes/<int:pk>/links/", classes.class_links, name="class_links"),
    path("classes/<int:pk>/links/send/", classes.class_links_send, name="class_links_send"),
]
