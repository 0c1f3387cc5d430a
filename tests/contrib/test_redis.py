"""The probes of Redis, with real servers that caches, Celery and channel layers are configured to use."""

from __future__ import annotations

import pytest

from tests import servers
from tests.contrib.sites import new_site, outcomes_of

ANSWERS = "probe_redis.TestServers.test_each_answers"
WRITES = "probe_redis.TestServers.test_each_accepts_writes"
MEMORY = "probe_redis.TestServers.test_each_has_memory_left"
DJANGO = "django.core.cache.backends.redis.RedisCache"
DJANGO_REDIS = "django_redis.cache.RedisCache"
LAYER = "channels_redis.core.RedisChannelLayer"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project with the probes of Redis and a Celery app, which the settings of a run can give a broker."""
    made = new_site(
        tmp_path_factory.mktemp("redis"), "django_probe.contrib.redis", 'PROBE_CELERY_APP = "work"\nTASKS = None\n'
    )
    made.write(
        "work.py",
        """
        from celery import Celery
        from django.conf import settings
        app = Celery("work", set_as_current=False)
        app.conf.update(settings.TASKS or {"task_always_eager": True})
        """,
    )
    return made


def cached(*locations, backend=DJANGO, **options):
    """Return an entry of CACHES."""
    return {"BACKEND": backend, "LOCATION": list(locations), "KEY_PREFIX": "shop", "OPTIONS": options}


def test_redis__of_caches_celery_and_layers(redis, results, left_open):
    """Every database is asked once for all who use it; no key is left there, and no connection open."""
    settings = {
        "CACHES": {
            "default": cached(redis.url()),
            "pages": cached(f"redis://127.0.0.1:{redis.port}/0", backend=DJANGO_REDIS, PASSWORD=redis.password),
            "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        },
        "TASKS": {"broker_url": redis.url(1), "result_backend": redis.url(2)},
        "CHANNEL_LAYERS": {"default": {"BACKEND": LAYER, "CONFIG": {"hosts": [redis.url()]}}},
    }
    found = results("probe_redis", **settings)

    assert outcomes_of(found) == {ANSWERS: "passed", WRITES: "passed", MEMORY: "skipped"}
    for server in (
        f'{redis.shown()} (cache "default", cache "pages", channel layer "default") has no maxmemory',
        f"{redis.shown(1)} (Celery's broker) has no maxmemory",
        f"{redis.shown(2)} (Celery's results) has no maxmemory",
    ):
        assert found[MEMORY]["message"].count(server) == 1
    with redis.connect() as client:
        client.config_set("maxmemory", "1gb")
        try:
            assert left_open("django_probe.contrib.redis.probes", settings) == []
        finally:
            client.config_set("maxmemory", "0")
        assert client.info("keyspace") == {}


def test_redis__that_is_full_is_closed_and_says_how_full(redis, results):
    """A server that keeps everything and has no memory left refuses writes; one that makes room is not judged."""
    with redis.connect() as client:
        client.config_set("maxmemory", "1000")
        try:
            full = results("probe_redis", CACHES={"default": cached(redis.url())})
            client.config_set("maxmemory-policy", "allkeys-lru")
            makes_room = results(MEMORY, CACHES={"default": cached(redis.url())})
        finally:
            client.config_set("maxmemory", "0")
            client.config_set("maxmemory-policy", "noeviction")

    assert outcomes_of(full) == {ANSWERS: "passed", WRITES: "failed", MEMORY: "failed"}
    assert f'{redis.shown()} (cache "default"): OutOfMemoryError' in full[WRITES]["details"]
    assert "of 0.0 MiB are used" in full[MEMORY]["details"]
    assert "more than 90%" in full[MEMORY]["details"]
    assert makes_room[MEMORY]["outcome"] == "skipped"
    assert "makes room by itself (allkeys-lru)" in makes_room[MEMORY]["message"]


def test_redis__that_takes_no_writes_is_named_where_it_is_written_to(redis, results):
    """A replica may be read from, not written to; a login that may only read is named with the key it was refused."""
    with redis.connect() as client, servers.redis_server("--replicaof", "127.0.0.1", "1") as replica:
        client.acl_setuser("reader", enabled=True, passwords=["+open-sesame"], keys=["*"], categories=["+@read"])
        found = results(
            WRITES,
            CACHES={
                "default": cached(redis.url(), replica.url()),
                "copied": cached(replica.url(1)),
                "read": cached(f"redis://reader:open-sesame@127.0.0.1:{redis.port}/0", backend=DJANGO_REDIS),
            },
        )

    details = found[WRITES]["details"]
    assert found[WRITES]["outcome"] == "failed"
    assert f'{replica.shown(1)} (cache "copied"): it is a replica, which takes no writes' in details
    assert f'{redis.shown()} (cache "read"): ' in details
    assert "(SET shop:1:django_probe:" in details
    assert '(cache "default"' not in details
    assert "open-sesame" not in str(found)


def test_redis__that_is_a_node_of_a_cluster(results):
    """A node refuses the keys of the others, to which no client of Django's goes; of an own client, nobody knows."""
    with servers.redis_cluster() as (one, two):
        own = cached(two.url(), backend=DJANGO_REDIS, REDIS_CLIENT_CLASS="redis.cluster.RedisCluster")
        found = results(WRITES, CACHES={"default": cached(one.url()), "own": own})[WRITES]

    assert found["outcome"] == "failed"
    said = '(cache "default"): it is one node of a cluster, which refuses the keys of the others, and what asks it goes'
    assert f"{one.shown()} {said} to no other: " in found["details"]
    assert "own" not in found["details"]


def test_redis__that_does_not_let_in_is_one_sentence(redis, results, closed_port, silent_port):
    """Each server that is down, says nothing or knows another password is named, without user and password."""
    urls = {
        "default": redis.url(),
        "down": f"redis://:open-sesame@127.0.0.1:{closed_port}/0",
        "hanging": f"redis://:open-sesame@127.0.0.1:{silent_port}/0",
        "locked": redis.url(password="open-sesame"),
    }

    found = results(ANSWERS, CACHES={name: cached(url) for name, url in urls.items()})

    details = found[ANSWERS]["details"]
    assert found[ANSWERS]["outcome"] == "failed"
    for name, said in {"down": "ConnectionError", "hanging": "TimeoutError", "locked": "AuthenticationError"}.items():
        assert f'(cache "{name}"): {said}: ' in details
    assert "redis/connection.py" not in details
    assert "open-sesame" not in str(found)


def test_redis__that_sentinel_knows(redis, results, closed_port):
    """The master is asked that Sentinel names, for all who use it; where no Sentinel answers, that is told."""
    with servers.redis_sentinel(redis) as sentinel:
        found = results("probe_redis", **known_by(sentinel.port, redis.password))
    lost = results(ANSWERS, **known_by(closed_port, redis.password))[ANSWERS]

    assert outcomes_of(found) == {ANSWERS: "passed", WRITES: "passed", MEMORY: "skipped"}
    users = 'cache "default", Celery\'s broker, Celery\'s results, channel layer "default"'
    assert found[MEMORY]["message"] == f"sentinel://127.0.0.1:{sentinel.port}/main?db=0 ({users}) has no maxmemory"
    assert lost["outcome"] == "failed"
    assert f"sentinel://127.0.0.1:{closed_port}/main?db=0 ({users}): MasterNotFoundError: " in lost["details"]


def known_by(port, password):
    """Return settings in which a Sentinel at that port knows where everything is."""
    url, options = f"sentinel://:{password}@127.0.0.1:{port}/0", {"master_name": "main"}
    tasks = {"broker_url": url, "broker_transport_options": options}
    results = {"result_backend": url, "result_backend_transport_options": options}
    host = {"sentinels": [["127.0.0.1", port]], "master_name": "main", "password": password}
    cache = {
        "CLIENT_CLASS": "django_redis.client.SentinelClient",
        "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
        "SENTINELS": [["127.0.0.1", port]],
        "PASSWORD": password,
    }
    return {
        "CACHES": {"default": cached("redis://main/0", backend=DJANGO_REDIS, **cache)},
        "TASKS": {**tasks, **results},
        "CHANNEL_LAYERS": {"default": {"BACKEND": LAYER, "CONFIG": {"hosts": [host]}}},
    }


def test_redis__that_nobody_uses(results):
    """Without a server in CACHES, Celery or CHANNEL_LAYERS the probes skip; a wrong setting is named."""
    found = results("probe_redis", PROBE_REDIS_MEMORY_PERCENT="90%")

    assert outcomes_of(found) == {ANSWERS: "skipped", WRITES: "skipped", MEMORY: "error"}
    assert found[ANSWERS]["tags"] == ["redis"]
    assert found[ANSWERS]["message"] == "no Redis server is named in CACHES, by Celery or in CHANNEL_LAYERS"
    assert "PROBE_REDIS_MEMORY_PERCENT: expected a number from 1 to 100, got '90%'" in found[MEMORY]["message"]


def test_redis__whose_address_is_none(results):
    """A part that names no address is told by its name, without what the address has of secrets."""
    found = results(ANSWERS, CACHES={"default": cached("rdis://:open-sesame@cache:6379/0")})[ANSWERS]

    assert found["outcome"] == "failed"
    assert found["message"].startswith('cache "default": ValueError: Redis URL must specify one of')
    assert "open-sesame" not in str(found)
