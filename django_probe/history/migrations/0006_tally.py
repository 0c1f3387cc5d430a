"""What is counted of each gate."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The table Tally."""

    dependencies = [("probe_history", "0005_run_started_by")]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gate", models.CharField(max_length=200, unique=True)),
                (
                    "flaky",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Probes that passed after a problem, in all its runs."
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
    ]
