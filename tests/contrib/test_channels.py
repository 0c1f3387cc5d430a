"""The probe of channel layers, with a real Redis."""

from __future__ import annotations

import pytest

from tests.contrib.sites import new_site

PASSES = "probe_channels.TestLayers.test_each_passes_a_message_on"
REDIS = "channels_redis.core.RedisChannelLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
MEMORY = "channels.layers.InMemoryChannelLayer"
PATIENT = {"PROBE_CHANNELS_TIMEOUT": "30s"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project with the probe of channel layers."""
    return new_site(tmp_path_factory.mktemp("channels"), "django_probe.contrib.channels")


def layer(*hosts, backend=REDIS):
    """Return an entry of CHANNEL_LAYERS."""
    return {"BACKEND": backend, "CONFIG": {"hosts": list(hosts)} if hosts else {}}


def test_layers__pass_a_message_on(redis, results, left_open):
    """Both layers of channels_redis pass; what was in them stays, nothing else does, and no connection is left."""
    layers = {
        "default": layer(redis.url()),
        "pubsub": layer(redis.url(), backend=PUBSUB),
        "tests": layer(backend=MEMORY),
    }
    settings = {"CHANNEL_LAYERS": layers, **PATIENT}
    with redis.connect() as client:
        client.zadd("asgi:group:shoppers", {"specific.one": 1})

        result = results(PASSES, **settings)[PASSES]

        assert (result["outcome"], result["tags"]) == ("passed", ["channels"]), result["message"]
        assert left_open("django_probe.contrib.channels.probes", settings) == []
        assert client.keys() == ["asgi:group:shoppers"]


def test_layers__that_cannot_be_reached_are_named(redis, results, closed_port):
    """Each host that is down or knows another password, of several too, and a class that is missing, is named."""
    layers = {
        "shards": layer(redis.url(), f"redis://:open-sesame@127.0.0.1:{closed_port}/0"),
        "locked": layer({"address": f"redis://127.0.0.1:{redis.port}/0?password=open-sesame"}),
        "gone": layer(backend="no.such.Layer"),
    }

    result = results(PASSES, CHANNEL_LAYERS=layers, **PATIENT)[PASSES]

    assert result["outcome"] == "failed"
    for said in (
        f'channel layer "shards" (RedisChannelLayer at redis://127.0.0.1:{closed_port}/0): ConnectionError: ',
        f'channel layer "locked" (RedisChannelLayer at {redis.shown()}): AuthenticationError: ',
        'channel layer "gone" (Layer): ModuleNotFoundError: ',
    ):
        assert said in result["details"]
    assert result["details"].count('channel layer "shards" (') == 1
    assert "open-sesame" not in str(result)


def test_layers__that_say_nothing_are_given_their_time(results, silent_port):
    """A layer whose server takes the message and says nothing fails when its time is up."""
    layers = {"default": layer(["127.0.0.1", silent_port])}

    result = results(PASSES, CHANNEL_LAYERS=layers, PROBE_CHANNELS_TIMEOUT="250ms")[PASSES]

    assert result["outcome"] == "failed"
    place = f'channel layer "default" (RedisChannelLayer at 127.0.0.1:{silent_port})'
    assert f"{place}: a message did not come through within 0.25 s" in result["message"]


def test_layers__that_do_not_close_are_told_apart(site, results):
    """A layer that passes the message on, and then does not close its connections, fails for that."""
    site.write(
        "clinging.py",
        """
        import asyncio

        class Layer:
            async def new_channel(self): return "own"
            async def send(self, channel, message): self.sent = message
            async def receive(self, channel): return self.sent
            async def close_pools(self): await asyncio.Event().wait()
        """,
    )

    layers = {"default": layer(backend="clinging.Layer")}
    result = results(PASSES, CHANNEL_LAYERS=layers, PROBE_CHANNELS_TIMEOUT="2s")[PASSES]

    assert result["outcome"] == "failed"
    assert "a message came through, and its connections did not close within 2 s" in result["message"]


@pytest.mark.parametrize(
    ("settings", "outcome", "said"),
    [
        ({}, "skipped", "CHANNEL_LAYERS is not set"),
        ({"CHANNEL_LAYERS": {"default": layer(backend=MEMORY)}}, "skipped", "reaches no other process"),
        ({"PROBE_CHANNELS_TIMEOUT": "soon"}, "error", "PROBE_CHANNELS_TIMEOUT: expected a duration"),
    ],
)
def test_layers__that_are_not_asked(results, settings, outcome, said):
    """Without a layer that leaves the process the probe skips; a wrong setting is named."""
    result = results(PASSES, **settings)[PASSES]

    assert result["outcome"] == outcome
    assert said in result["message"]
