"""What is known of a probe beside how it ended, and its attempts before the last one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The columns Result.earlier, file, line, owner, runbook and title; null in the rows that are there."""

    dependencies = [("probe_history", "0002_run_selection")]

    operations = [
        migrations.AddField(
            model_name="result",
            name="earlier",
            field=models.JSONField(blank=True, help_text="The attempts before the last one.", null=True),
        ),
        *(
            migrations.AddField(model_name="result", name=name, field=models.TextField(blank=True, null=True))
            for name in ("file", "owner", "runbook", "title")
        ),
        migrations.AddField(model_name="result", name="line", field=models.PositiveIntegerField(blank=True, null=True)),
    ]
