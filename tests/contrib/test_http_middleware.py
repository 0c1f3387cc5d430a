"""The middleware that names the release, in a web process and under ASGI."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request

import pytest

PROBE = "probe_http.TestTargets.test_each_answers_as_the_release"
MIDDLEWARE = "django_probe.contrib.http.middleware.ReleaseHeaderMiddleware"
URLS = """
    from django.http import HttpResponse
    from django.urls import path

    def fail(request):
        raise RuntimeError("out of order")

    urlpatterns = [path("", lambda request: HttpResponse("shop")), path("fail/", fail)]
    """


@pytest.fixture
def shop(project):
    """A project that names its release in the header X-Release."""
    project.apps = ["django_probe.contrib.http"]
    project.write("site_urls.py", URLS)
    project.configure(f'MIDDLEWARE = ["{MIDDLEWARE}"]\nPROBE_RELEASE_HEADER = "X-Release"\n')
    return project


@pytest.fixture
def serve(shop, closed_port_number):
    """What serves the project, and gives its address."""
    processes = []

    def start(**env):
        address = f"127.0.0.1:{closed_port_number}"
        processes.append(shop.start("runserver", "--noreload", "--skip-checks", address, env=env))
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", closed_port_number), 1).close()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return f"http://{address}"
        raise AssertionError("runserver does not answer")

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def closed_port_number():
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def release_of(url):
    """Return the status of an answer and the release that it names."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.headers["X-Release"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["X-Release"]


def test_middleware__every_answer_names_the_release(shop, serve, outcome):
    """Good answers, missing pages and views that fail all name the release, and the probe sees it."""
    site = serve(PROBE_RELEASE="v42")

    assert release_of(f"{site}/") == (200, "v42")
    assert release_of(f"{site}/none/") == (404, "v42")
    assert release_of(f"{site}/fail/") == (500, "v42")
    shop.configure(f'PROBE_TARGETS = ["{site}/"]')
    assert outcome(PROBE, PROBE_RELEASE="v42")["outcome"] == "passed"


def test_middleware__unused_without_a_release(serve):
    """A process whose environment names no release serves as ever, without the header."""
    assert release_of(f"{serve()}/") == (200, None)


def test_middleware__async(shop):
    """Under ASGI the middleware is a coroutine, needs no thread, and names the release too."""
    done = shop.run(
        "shell",
        "-c",
        "import asyncio, threading\n"
        "from django.test import AsyncClient\n"
        "async def answer(request):\n"
        "    from django.http import HttpResponse\n"
        "    return HttpResponse(threading.current_thread() is threading.main_thread())\n"
        "from django.urls import path\n"
        "import site_urls\n"
        "site_urls.urlpatterns.append(path('async/', answer))\n"
        "found = asyncio.run(AsyncClient().get('/async/'))\n"
        "print(found.headers['X-Release'], found.content)\n",
        env={"PROBE_RELEASE": "v42"},
    )

    assert (done.code, done.out.splitlines()[-1:]) == (0, ["v42 b'True'"]), done.err


def test_middleware__wrong_header(shop):
    """A name that no header can have stops the process at its start, with one line that names the setting."""
    shop.configure('PROBE_RELEASE_HEADER = "X Release:"')

    done = shop.run(
        "shell",
        "-c",
        "from django.core.wsgi import get_wsgi_application as get; get()",
        env={"PROBE_RELEASE": "v42"},
    )

    assert done.code == 1
    assert "ImproperlyConfigured: PROBE_RELEASE_HEADER: expected the name of a header" in done.err
