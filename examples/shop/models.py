"""What is for sale."""

from django.db import models


class Product(models.Model):
    """A thing on the shelf."""

    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self):
        return f"{self.name}: {self.price}"
