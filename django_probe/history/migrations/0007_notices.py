"""Who is told when a gate's state changes, and what of that is not delivered yet."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The tables Standing and Notice."""

    dependencies = [("probe_history", "0006_tally")]

    operations = [
        migrations.CreateModel(
            name="Standing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gate", models.CharField(max_length=200, unique=True)),
                ("state", models.CharField(blank=True, max_length=20)),
                ("flaky", models.BooleanField(default=False)),
                ("changed_at", models.DateTimeField(blank=True, null=True)),
                ("silenced_at", models.DateTimeField(blank=True, null=True)),
                ("silenced_until", models.DateTimeField(blank=True, null=True)),
                ("silenced_by", models.CharField(blank=True, max_length=200)),
                ("silenced_why", models.TextField(blank=True)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event",
                    models.CharField(help_text="The same for all recipients, and for every attempt.", max_length=32),
                ),
                ("gate", models.CharField(max_length=200)),
                ("recipient", models.CharField(max_length=200)),
                ("change", models.CharField(max_length=20)),
                ("told", models.JSONField(help_text="What is said.")),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(help_text="When it is to be tried, or tried again.")),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("trouble", models.TextField(blank=True, help_text="Why the last attempt failed.")),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["delivered_at", "due_at"], name="probe_notice_due")],
            },
        ),
    ]
