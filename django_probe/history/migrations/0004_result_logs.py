"""What a probe logged."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The column Result.logs; null in the rows that are there."""

    dependencies = [("probe_history", "0003_result_about")]

    operations = [
        migrations.AddField(model_name="result", name="logs", field=models.TextField(blank=True, null=True)),
    ]
