"""People: users with one role each, subjects, classes, enrolments, and their notifications."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from accounts.told import told


class Role(models.TextChoices):
    ADMIN = "admin", _("Admin")
    TEACHER = "teacher", _("Teacher")
    STUDENT = "student", _("Student")


class PeopleManager(UserManager["User"]):
    def create_superuser(  # type: ignore[override]
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> User:
        extra["role"] = Role.ADMIN
        return super().create_superuser(username, email, password, **extra)


# Nobody's history holds a hash, and signing in is no change of a person.
UNTOLD = {"password", "last_login"}


class User(AbstractUser):
    """A person. Admins manage all, teachers their own classes, students see themselves."""

    first_name = None
    last_name = None
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=10, choices=Role, default=Role.STUDENT)
    time_zone = models.CharField(max_length=60, blank=True)
    language = models.CharField(max_length=10, blank=True)

    objects: ClassVar[PeopleManager] = PeopleManager()
    history = HistoricalRecords(excluded_fields=sorted(UNTOLD))
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "email"]

    class Meta:
        ordering = ("name", "pk")
        constraints = (
            models.CheckConstraint(
                name="only_admins_are_staff",
                condition=Q(role=Role.ADMIN, is_staff=True)
                | (~Q(role=Role.ADMIN) & Q(is_staff=False)),
            ),
            models.UniqueConstraint(
                Lower("email"), name="one_user_per_email", condition=~Q(email="")
            ),
        )

    def __str__(self) -> str:
        return self.name or self.username

    def save(self, *args: Any, **options: Any) -> None:
        """Save; what history does not keep (signing in, a new hash) makes no row in it."""
        fields = {*(options.get("update_fields") or ())}
        makes_history = not fields or fields - UNTOLD
        if makes_history or hasattr(self, "skip_history_when_saving"):
            super().save(*args, **options)
        else:
            self.save_without_historical_record(*args, **options)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name

    @property
    def can_sign_in(self) -> bool:
        """Whether the account is open and a password was chosen."""
        return self.is_active and self.has_usable_password()

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def is_teacher(self) -> bool:
        return self.role == Role.TEACHER

    @property
    def is_student(self) -> bool:
        return self.role == Role.STUDENT


class Subject(models.Model):
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class SchoolClass(models.Model):
    """A group of students whom its teachers teach."""

    name = models.CharField(max_length=100, unique=True)
    teachers = models.ManyToManyField(
        User, related_name="classes", limit_choices_to={"role": Role.TEACHER}, blank=True
    )
    history = HistoricalRecords(m2m_fields=[teachers])

    class Meta:
        ordering = ("name",)
        verbose_name = "class"
        verbose_name_plural = "classes"

    def __str__(self) -> str:
        return self.name


class Enrolment(models.Model):
    """One student in one class, with the roll number that stands on the sheets."""

    school_class = models.ForeignKey(
        SchoolClass, on_delete=models.PROTECT, related_name="enrolments"
    )
    student = models.ForeignKey(User, on_delete=models.PROTECT, related_name="enrolments")
    roll_number = models.CharField(max_length=40)
    history = HistoricalRecords()

    class Meta:
        ordering = ("roll_number",)
        constraints = (
            models.UniqueConstraint(
                "school_class",
                Upper("roll_number"),
                name="one_student_per_roll_number",
                violation_error_message=_(
                    "This class has a student with this roll number (capitals do not count)."
                ),
            ),
            models.UniqueConstraint(
                fields=("school_class", "student"), name="one_enrolment_per_student"
            ),
        )

    def __str__(self) -> str:
        return f"{self.roll_number} {self.student}"


class Notification(models.Model):
    """A line in a person's bell; `key` makes telling the same thing twice impossible.

    `text` is the line in English. `sentence` and `values` are what it was made of, so that it can
    be told in the reader's language; older lines have none.
    """

    recipient = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    key = models.CharField(max_length=100)
    text = models.CharField(max_length=300)
    sentence = models.CharField(max_length=300, blank=True)
    values = models.JSONField(default=dict, blank=True)
    url = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = (models.UniqueConstraint(fields=("recipient", "key"), name="told_once"),)

    def __str__(self) -> str:
        return self.text

    @property
    def told(self) -> str:
        """The line in the language that is spoken now."""
        if not self.sentence:
            return self.text
        values = dict(self.values)
        if values.get("problem"):  # a reason, which rows keep in English
            values["problem"] = told(values["problem"])
        line = gettext(self.sentence)
        return line % values if values else line


class DigestEvery(models.TextChoices):
    NEVER = "", _("never")
    DAY = "day", _("every morning")
    HOUR = "hour", _("every hour")


class Digest(models.Model):
    """How often a person's unread lines are e-mailed, and up to which line that was done.

    `due_at` is also the lease: whoever sends it moves it ahead.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="digest")
    every = models.CharField(max_length=4, choices=DigestEvery, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    told_up_to = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"digest of user {self.user_id}"


class LinkMail(models.Model):
    """A one-time password link to be e-mailed: the intention is kept here until it is sent.

    `due_at` is also the lease: whoever sends it moves it ahead, and clears it when done.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="link_mail")
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "link by e-mail"
        verbose_name_plural = "links by e-mail"

    def __str__(self) -> str:
        return f"link for user {self.user_id}"


class UserSession(models.Model):
    """Where somebody is signed in: a browser or a program, from which address and when.

    `key` is a browser's session key or the id of a program's present refresh token. Signing out
    deletes the row; a row whose session or token has ended by itself is shown to nobody.
    """

    class Kind(models.TextChoices):
        BROWSER = "browser", _("browser")
        PROGRAM = "program", _("program")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=7, choices=Kind)
    key = models.CharField(max_length=40, unique=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ("-seen_at", "-pk")

    def __str__(self) -> str:
        return f"{self.kind} of user {self.user_id}"


class CodeTry(models.Model):
    """A code of a second factor that was typed: how often that failed, and which were used up.

    `code` is kept of an accepted code alone, until an authenticator app can no longer show it.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="code_tries")
    at = models.DateTimeField()
    code = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "code"), name="code_is_used_once", condition=~Q(code="")
            ),
        )

    def __str__(self) -> str:
        return f"code of user {self.user_id}"
