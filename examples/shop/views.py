"""The shop's one page."""

from django.http import HttpResponse
from django.utils.html import format_html, format_html_join

from examples.shop.models import Product


def home(_request):
    """List what is for sale."""
    shelf = format_html_join("\n", "<li>{}</li>", ((product,) for product in Product.objects.order_by("name")))
    page = '<!doctype html>\n<html lang="en"><title>Shop</title>\n<h1>For sale</h1>\n<ul>\n{}\n</ul>\n</html>\n'
    return HttpResponse(format_html(page, shelf))
