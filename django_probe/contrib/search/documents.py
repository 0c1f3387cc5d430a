"""Asks Elasticsearch for the index of each document that django-elasticsearch-dsl has registered."""

from __future__ import annotations

from typing import Any, Final

from django_elasticsearch_dsl.registries import registry
from elastic_transport import ApiError, TransportError

from django_probe.contrib.parts import blaming, summary

_PATIENCE: Final = 10
"""Seconds that one answer may take: the probe's own timeout would end it without naming an index."""


def registered() -> list[Any]:
    """Return the registered classes of documents, those of one index one after the other."""
    return sorted(registry.get_documents(), key=lambda document: (document._index._name, document.__name__))  # noqa: SLF001 (the library has no other name for it)


def answers(document: Any) -> None:
    """Raise AssertionError where the index of a document is not there, or does not answer."""
    index = document._index  # noqa: SLF001 (as above)
    name = index._name  # noqa: SLF001 (as above)
    place = f'index "{name}" of {document.__module__}.{document.__qualname__}'
    with blaming(place):
        client = index._get_connection()  # noqa: SLF001 (as above)
        place = f"{place} at {', '.join(node.base_url for node in client.transport.node_pool.all())}"
        client = client.options(request_timeout=_PATIENCE, max_retries=0)
        try:
            there = client.indices.exists(index=name)
            if there:
                client.count(index=name)
        except (ApiError, TransportError) as error:  # whose traceback is long, and says no more
            raise AssertionError(f"{place}: {summary(error)}") from None
    if not there:
        raise AssertionError(f"{place}: it is not there: run search_index --create, and --populate")
