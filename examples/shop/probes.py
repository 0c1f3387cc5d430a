"""What has to be true of the shop while it is open."""

import unittest

from django_probe.client import Client
from examples.shop.models import Product


class TestShop(unittest.TestCase):
    def test_home_page_is_served(self):
        response = Client().get("/")
        self.assertEqual(response.status_code, 200)

    def test_something_is_for_sale(self):
        if not Product.objects.exists():
            self.fail('the shelves are empty; "make restock" fills them')
