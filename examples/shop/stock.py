"""What the shop begins with."""

PRODUCTS = {"Cup": "4.50", "Kettle": "34.00", "Teapot": "19.90"}


def fill(product):
    """Put every product on the shelves; `product` is the model, or what it was at a migration."""
    product.objects.bulk_create(product(name=name, price=price) for name, price in PRODUCTS.items())
