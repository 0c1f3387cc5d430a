"""The table of the products, with the first ones in it."""

from django.db import migrations, models

from examples.shop import stock


def fill(apps, _schema_editor):
    """Put the first products on the shelves."""
    stock.fill(apps.get_model("shop", "Product"))


class Migration(migrations.Migration):
    """The shop opens."""

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("price", models.DecimalField(decimal_places=2, max_digits=8)),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    )
