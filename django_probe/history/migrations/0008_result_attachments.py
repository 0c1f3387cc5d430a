"""What a probe attached."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The column Result.attachments; null in the rows that are there, and where there are none."""

    dependencies = [("probe_history", "0007_notices")]

    operations = [
        migrations.AddField(
            model_name="result",
            name="attachments",
            field=models.JSONField(blank=True, help_text="What it attached, as the record has it.", null=True),
        ),
    ]
