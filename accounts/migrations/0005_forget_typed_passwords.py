"""Take out of the rows of failed attempts what was typed into the form of a new password."""

from django.db import migrations


def forget(apps, schema_editor):
    attempts = apps.get_model("axes", "AccessAttempt").objects
    attempts.filter(post_data__contains="new_password").update(post_data="")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_languages"),
        ("axes", "0007_alter_accessattempt_unique_together"),
    ]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
