"""`manage.py shop open|sell-out|restock`: what make asks of the example."""

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS

from examples.shop import stock
from examples.shop.models import Product


class Command(BaseCommand):
    """Opens the shop, empties its shelves, or fills them again."""

    help = "open: make the tables; sell-out: empty the shelves; restock: fill them as on the first day"
    requires_system_checks = ()

    def add_arguments(self, parser):
        """Take what to do."""
        parser.add_argument("what", choices=["open", "sell-out", "restock"])

    def handle(self, *, what, **_options):
        """Do it. Opening a shop that is open changes nothing, nor does restocking full shelves."""
        if what == "open":
            call_command("migrate", verbosity=0)
            # With a history, the container's own `migrate` makes tables in that database alone.
            call_command(migrate.Command(), "shop", database=DEFAULT_DB_ALIAS, verbosity=0)
            return
        Product.objects.all().delete()
        if what == "restock":
            stock.fill(Product)
        self.stdout.write(f"{Product.objects.count()} products on the shelves")
