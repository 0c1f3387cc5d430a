"""The probes of search engines: Haystack with a real Whoosh index, and a server that speaks as Elasticsearch does."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

HAYSTACK = "probe_search.TestHaystack.test_each_connection_answers"
ELASTICSEARCH = "probe_search.TestElasticsearch.test_each_index_answers"
ENGINES = "haystack.backends"


@pytest.fixture
def search(project):
    """A project with the ready-made probes of search engines."""
    project.apps = ["django_probe.contrib.search"]
    project.configure()
    return project


def with_haystack(site, **connections):
    """Give a project Haystack with these connections, and an index of its groups."""
    site.apps += ["haystack", "shop"]
    site.write("shop/__init__.py", "")
    site.write(
        "shop/search_indexes.py",
        """
        from django.contrib.auth.models import Group
        from haystack import indexes
        class GroupIndex(indexes.SearchIndex, indexes.Indexable):
            text = indexes.CharField(document=True, model_attr="name")
            def get_model(self):
                return Group
        """,
    )
    site.configure(f"HAYSTACK_CONNECTIONS = {connections!r}\n")


def test_search__without_a_library_skips(search, outcomes):
    """Each says which is not there."""
    assert search.apps == ["django_probe.contrib.search"]
    found = outcomes("probe_search")
    assert {label: (each["outcome"], each["message"], each["tags"]) for label, each in found.items()} == {
        HAYSTACK: ("skipped", "haystack is not in INSTALLED_APPS", ["search"]),
        ELASTICSEARCH: ("skipped", "django_elasticsearch_dsl is not in INSTALLED_APPS", ["search"]),
    }


def test_haystack__asks_each_connection(search, outcome):
    """Whoosh has its index once rebuild_index made it, and asking makes none; the simple engine asks the database."""
    place = search.path / "whoosh"
    whoosh = {"ENGINE": f"{ENGINES}.whoosh_backend.WhooshEngine", "PATH": str(place)}
    simple = {"ENGINE": f"{ENGINES}.simple_backend.SimpleEngine"}
    with_haystack(search, default=whoosh, simple=simple)
    assert search.run("migrate", "--verbosity", "0").code == 0

    result = outcome(HAYSTACK)

    assert result["outcome"] == "failed"
    told = f'Haystack connection "default" (WhooshSearchBackend at {place}): there is no index: run rebuild_index'
    assert told in result["message"]
    assert '"simple"' not in result["details"]
    assert not place.exists()

    done = search.run("rebuild_index", "--noinput", "--verbosity", "0")
    assert done.code == 0, done.err
    assert outcome(HAYSTACK)["outcome"] == "passed"

    for part in place.glob("*.toc"):
        part.write_bytes(b"cut")
    assert 'Haystack connection "default"' in outcome(HAYSTACK)["message"]


def test_haystack__whose_engine_does_not_answer_is_named(search, outcome):
    """An engine of another's that would only log what is wrong, and one that cannot be made."""
    search.write(
        "engines.py",
        """
        from haystack.backends import BaseEngine, BaseSearchBackend
        class Backend(BaseSearchBackend):
            def search(self, query_string, **kwargs):
                if not self.silently_fail:
                    raise ConnectionError("cannot reach https://key:open-sesame-4711@search.example/")
        class Engine(BaseEngine):
            backend = Backend
        """,
    )
    with_haystack(search, default={"ENGINE": "engines.Engine"}, gone={"ENGINE": "engines.Gone"})
    told = outcome(HAYSTACK)["details"]
    assert 'Haystack connection "default" (Backend): ConnectionError: cannot reach https://search.example/' in told
    assert 'Haystack connection "gone": ' in told
    assert "open-sesame" not in told


@pytest.fixture
def elasticsearch(search):
    """A server that answers as Elasticsearch's documentation says: it has the indices of the set that is given."""

    class Answers(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.say(200 if self.path.strip("/") in there else 404, None)

        def do_POST(self):  # as the client asks with an empty query
            if self.path == "/shop/_count":
                self.say(200, {"count": 3, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}})
            else:
                reason = {"type": "search_phase_execution_exception", "reason": "all shards failed"}
                self.say(503, {"error": reason, "status": 503})

        def say(self, status, body):
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", "application/vnd.elasticsearch+json;compatible-with=9")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Say nothing."""

    there = {"shop", "broken"}
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        search.apps += ["django_elasticsearch_dsl", "shop"]
        search.write("shop/__init__.py", "")
        url = f"http://teller:open-sesame-4711@127.0.0.1:{server.server_address[1]}"
        search.configure(f'ELASTICSEARCH_DSL = {{"default": {{"hosts": "{url}"}}}}\n')
        yield search
        server.shutdown()


def documents(site, *names):
    """Write a document of groups for each of these indices."""
    classes = "".join(
        f"""
@registry.register_document
class {name.title()}Document(Document):
    class Index:
        name = "{name}"
    class Django:
        model = Group
"""
        for name in names
    )
    head = "from django.contrib.auth.models import Group\nfrom django_elasticsearch_dsl import Document\n"
    site.write("shop/documents.py", f"{head}from django_elasticsearch_dsl.registries import registry\n{classes}")


def test_elasticsearch__is_asked_for_the_index_of_each_document(elasticsearch, outcome):
    """One that is there and answers passes; one that is not there, and one whose shards are gone, are named."""
    documents(elasticsearch, "shop")
    result = outcome(ELASTICSEARCH)
    assert result["outcome"] == "passed", result["details"]

    documents(elasticsearch, "shop", "gone", "broken")
    result = outcome(ELASTICSEARCH)
    assert result["outcome"] == "failed"
    told = result["details"]
    assert 'index "gone" of shop.documents.GoneDocument at http://127.0.0.1:' in told
    assert ": it is not there: run search_index --create, and --populate" in told
    assert 'index "broken" of shop.documents.BrokenDocument at http://127.0.0.1:' in told
    assert ": ApiError: ApiError(503, " in told
    assert 'index "shop"' not in told


def test_elasticsearch__that_does_not_answer_is_named(search, outcome, closed_port):
    """With the address that was asked, without its password."""
    search.apps += ["django_elasticsearch_dsl", "shop"]
    search.write("shop/__init__.py", "")
    documents(search, "shop")
    url = f"http://teller:open-sesame-4711@127.0.0.1:{closed_port}"
    search.configure(f'ELASTICSEARCH_DSL = {{"default": {{"hosts": "{url}"}}}}\n')
    told = outcome(ELASTICSEARCH)["details"]
    place = f'index "shop" of shop.documents.ShopDocument at http://127.0.0.1:{closed_port}'
    assert f"{place}: ConnectionError: Connection error" in told
    assert "open-sesame" not in told
