"""Who asked for a run over HTTP."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The column Run.started_by."""

    dependencies = [("probe_history", "0004_result_logs")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="started_by",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The user or the token that asked for it.",
                max_length=200,
            ),
        ),
    ]
