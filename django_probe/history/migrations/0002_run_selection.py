"""What each shard saw of the selection."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The column Run.selection."""

    dependencies = [("probe_history", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="selection",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="A digest, which shards of one run share.",
                max_length=64,
            ),
        ),
    ]
