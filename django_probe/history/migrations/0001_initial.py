"""The tables as they were first."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The tables Run and Result."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("run_id", models.CharField(db_index=True, help_text="Shards of one run share it.", max_length=200)),
                ("gate", models.CharField(max_length=200)),
                ("release", models.CharField(blank=True, max_length=200)),
                ("host", models.CharField(blank=True, max_length=255)),
                ("shard", models.CharField(blank=True, max_length=40)),
                (
                    "trigger",
                    models.CharField(
                        blank=True, help_text="What started it; empty: a person's command.", max_length=100
                    ),
                ),
                (
                    "labels",
                    models.JSONField(blank=True, default=list, help_text="What the run was limited to by labels."),
                ),
                (
                    "rerun_of",
                    models.CharField(blank=True, help_text="The run whose failures it runs again.", max_length=500),
                ),
                (
                    "narrowed",
                    models.BooleanField(
                        default=False, help_text="Somebody chose a part of the gate by hand: no verdict of the gate."
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("heartbeat_at", models.DateTimeField(help_text="By the clock of the database.")),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("total", models.PositiveIntegerField(default=0, help_text="How many probes this process runs.")),
                ("done", models.PositiveIntegerField(default=0)),
                ("problems", models.PositiveIntegerField(default=0)),
                ("selected", models.PositiveIntegerField(default=0)),
                ("allow_empty", models.BooleanField(default=False)),
                ("ended_by", models.CharField(blank=True, max_length=20)),
                ("stricter_exit_code", models.PositiveSmallIntegerField(default=0)),
                ("exit_code", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("counts", models.JSONField(blank=True, default=dict)),
                ("reason", models.TextField(blank=True, help_text="Why the exit code is what it is.")),
                (
                    "lease",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="The gate that it holds.",
                        max_length=200,
                        null=True,
                        unique=True,
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "permissions": (("start_run", "Can start run"),),
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["gate", "-id"], name="probe_run_gate")],
            },
        ),
        migrations.CreateModel(
            name="Result",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("label", models.TextField()),
                ("outcome", models.CharField(max_length=20)),
                ("blocking", models.BooleanField(default=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("duration", models.FloatField(default=0.0)),
                ("attempts", models.PositiveIntegerField(default=1)),
                ("message", models.TextField(blank=True)),
                ("details", models.TextField(blank=True)),
                ("output", models.TextField(blank=True)),
                ("tags", models.JSONField(blank=True, default=list)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="results", to="probe_history.run"
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
            },
        ),
    ]
