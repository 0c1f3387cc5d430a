"""A policy file becomes gates, or one line that says where it is wrong and what is right."""

from __future__ import annotations

from textwrap import dedent

import pytest

from django_probe.policy.file import parse_policy, read_policy
from django_probe.policy.gates import Gate, PolicyError
from django_probe.policy.recipients import Change, Recipient
from django_probe.terms import DatabaseAccess, Isolation
from tests.projects import new_project

EVERY_KEY = """\
gates:
  deploy:
    probes: [shop, payments.TestCheckout]
    tags: [smoke]
    exclude_tags: [slow]
    parallel: 4
    timeout: 30s
    deadline: 3m30s
    retries: 1
    retry_delay: 2s
    failfast: true
    isolation: process
    database_access: rollback
    warn_only: ["shop.TestStock.*"]
    require: [shop.TestCheckout]
    owners: {"shop.*": storefront, shop.TestCheckout: payments}
    runbooks: {shop.TestCheckout: "https://runbooks.example/pay"}
    notify:
      - url_env: PROBE_NOTIFY_URL
        on: [closed, flaky]
        secret_env: PROBE_NOTIFY_KEY
        remind: 6h
      - url: mailto://probe:hush@mail.example
  ready:
    tags: [ready]
    timeout: 1500ms
    every: 10s
    max_age: 30
"""

BOMB = """\
a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
h: &h [*g, *g, *g, *g, *g, *g, *g, *g, *g]
gates: {deploy: {timeout: *h}}
"""

MERGE_BOMB = "\n".join(
    [
        "a0: &a0 {k: 1}",
        *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 10)),
        "gates: *a9",
    ]
)


def gate(text, name="deploy"):
    """Return one gate of a policy that is written under `gates:`."""
    return parse_policy(f"gates:\n  {name}:\n    {text}\n", "probe.yaml").gate(name)


def refusal(text):
    """Return the sentence with which this policy is refused."""
    with pytest.raises(PolicyError) as refused:
        parse_policy(dedent(text), "probe.yaml")
    return str(refused.value)


def test_parse__every_key_of_the_format():
    """What stands in the file is in the gate, durations as seconds."""
    policy = parse_policy(EVERY_KEY, "probe.yaml")

    assert policy.gate("deploy") == Gate(
        name="deploy",
        probes=("shop", "payments.TestCheckout"),
        tags=("smoke",),
        exclude_tags=("slow",),
        parallel=4,
        timeout=30.0,
        deadline=210.0,
        retries=1,
        retry_delay=2.0,
        failfast=True,
        isolation=Isolation.PROCESS,
        database_access=DatabaseAccess.ROLLBACK,
        warn_only=("shop.TestStock.*",),
        require=("shop.TestCheckout",),
        owners=(("shop.*", "storefront"), ("shop.TestCheckout", "payments")),
        runbooks=(("shop.TestCheckout", "https://runbooks.example/pay"),),
        notify=(
            Recipient(
                "PROBE_NOTIFY_URL",
                url_env="PROBE_NOTIFY_URL",
                on=(Change.CLOSED, Change.FLAKY),
                secret_env="PROBE_NOTIFY_KEY",
                remind=6 * 3600.0,
            ),
            Recipient("notify[2] (mailto)", url="mailto://probe:hush@mail.example"),
        ),
    )
    assert policy.gate("ready") == Gate(name="ready", tags=("ready",), timeout=1.5, every=10.0, max_age=30.0)


def test_parse__a_gate_that_says_nothing_has_the_defaults():
    """The documented defaults; a gate may be a bare name in the file."""
    assert gate("") == Gate(
        name="deploy",
        probes=(),
        tags=(),
        exclude_tags=(),
        parallel=1,
        timeout=60.0,
        deadline=None,
        retries=0,
        retry_delay=1.0,
        failfast=False,
        isolation=Isolation.WORKER,
        database_access=None,
        warn_only=(),
        require=(),
        owners=(),
        runbooks=(),
        notify=(),
    )
    assert gate("", "ready") == Gate(name="ready", timeout=2.0, every=10.0, max_age=30.0)


@pytest.mark.parametrize(
    ("written", "max_age"),
    [("every: 60s", 180.0), ("every: 1s", 30.0), ("{every: 60s, max_age: 5s}", 5.0), ("max_age: 1m", 60.0)],
)
def test_ready__whose_rounds_are_rare_is_not_stale_before_the_next(written, max_age):
    """Where max_age is not written it follows `every`; where it is, it stands."""
    assert gate(written, "ready").max_age == max_age


def test_parse__anchors_and_merge_keys_share_what_gates_have_in_common():
    """YAML's own means against repetition work."""
    policy = parse_policy(
        dedent("""\
            gates:
              deploy: &deploy {timeout: 5s, tags: &tags [smoke]}
              periodic: {<<: *deploy, timeout: 9s, exclude_tags: *tags}
            """),
        "probe.yaml",
    )

    periodic = policy.gate("periodic")
    assert (periodic.timeout, periodic.tags, periodic.exclude_tags) == (9.0, ("smoke",), ("smoke",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        # Keys and where they belong.
        (
            "gates: {deploy: {timout: 3s}}",
            'gates.deploy.timout: unknown key; did you mean "timeout"?',
        ),
        ("gates: {deploy: {zzz: 3}}", "gates.deploy.zzz: unknown key"),
        ("gate: {deploy: {}}", 'gate: unknown key; the file has the keys "gates" and "checks"; did you mean "gates"?'),
        ("gates: {deploy: {}}\nmore: 1", 'more: unknown key; the file has the keys "gates" and "checks"'),
        (
            "gates: {deploy: {every: 3s}}",
            'gates.deploy.every: only the gate "ready" is kept by a web process; take the key out',
        ),
        (
            "gates: {ready: {parallel: 2}}",
            'gates.ready.parallel: the gate "ready" is kept by a thread of each web process, which cannot honour ',
        ),
        (
            "gates: {deploy: {isolation: thread}}",
            "gates.deploy.isolation: expected one of process, worker, got 'thread'",
        ),
        (
            "gates: {ready: {isolation: process}}",
            'gates.ready.isolation: the gate "ready" is kept by a thread of each web process, which cannot honour this',
        ),
        (
            "gates: {ready: {require: [shop]}}",
            'gates.ready.require: the gate "ready" is kept by a thread of each web process, which cannot honour ',
        ),
        ("gates: {ready: {notfy: ['https://a.example']}}", "gates.ready.notfy: unknown key"),
        ("gates: {deploy: {require: shop}}", "gates.deploy.require: expected a list, got 'shop'"),
        (
            "gates: {deploy: {require: [shop, pay], warn_only: [pay]}}",
            'gates.deploy.require: "pay" is in warn_only too, and what is required closes the gate; take it out of one',
        ),
        # Shapes.
        ("", 'top level: expected a mapping of the keys "gates" and "checks", got nothing'),
        ("- gates", 'top level: expected a mapping of the keys "gates" and "checks", got a list'),
        ("just a text", 'top level: expected a mapping of the keys "gates" and "checks", got \'just a text\''),
        ("gates:", "gates: expected a mapping of gates by name, got nothing"),
        ("gates: [deploy]", "gates: expected a mapping of gates by name, got a list"),
        ("gates: {deploy: [shop]}", "gates.deploy: expected a mapping of keys, got a list"),
        ("gates: {1: {}}", "gates: expected names as keys, got 1; put it in quotes"),
        ("gates: {on: {}}", "gates: expected names as keys, got True; put it in quotes"),
        (
            "gates: {a/b: {}}",
            "gates.'a/b': a gate's name is letters, digits, - and _, and begins with one of the first two",
        ),
        # Values.
        ("gates: {deploy: {probes: shop}}", "gates.deploy.probes: expected a list, got 'shop'"),
        (
            "gates: {deploy: {tags: []}}",
            "gates.deploy.tags: expected at least one entry; leave the key out for every probe",
        ),
        (
            "gates: {deploy: {tags: [1]}}",
            "gates.deploy.tags: expected a text that is not empty and does not begin with -, got 1",
        ),
        (
            "gates: {deploy: {probes: ['-k']}}",
            "gates.deploy.probes: expected a text that is not empty and does not begin with -, got '-k'",
        ),
        ("gates: {deploy: {parallel: 0}}", "gates.deploy.parallel: expected a whole number from 1 to 1000, got 0"),
        (
            "gates: {deploy: {parallel: yes}}",
            "gates.deploy.parallel: expected a whole number from 1 to 1000, got True",
        ),
        (
            "gates: {deploy: {timeout: soon}}",
            (
                'gates.deploy.timeout: expected a duration such as "250ms", "30s" or "2m30s" '
                "(units: h, m, s, ms), got 'soon'"
            ),
        ),
        ("gates: {deploy: {timeout: 0s}}", "gates.deploy.timeout: expected a duration of more than nothing, got 0"),
        (
            "gates: {deploy: {deadline: -5}}",
            'gates.deploy.deadline: expected a duration such as "250ms", "30s" or "2m30s" (units: h, m, s, ms), got -5',
        ),
        (
            "gates: {deploy: {timeout: .nan}}",
            'gates.deploy.timeout: expected a duration such as "250ms", "30s" or "2m30s" (units: h, m, s, ms), got nan',
        ),
        (
            "gates: {deploy: {timeout: .inf}}",
            "gates.deploy.timeout: expected a duration of 7 days at the most, got inf",
        ),
        ("gates: {deploy: {retries: 1.5}}", "gates.deploy.retries: expected a whole number from 0 up, got 1.5"),
        ("gates: {deploy: {failfast: 1}}", "gates.deploy.failfast: expected true or false, got 1"),
        (
            "gates: {deploy: {database_access: write}}",
            "gates.deploy.database_access: expected one of read-only, rollback, read-write, got 'write'",
        ),
        ("gates: {deploy: {warn_only: 'a.*'}}", "gates.deploy.warn_only: expected a list, got 'a.*'"),
        (
            "gates: {deploy: {owners: [shop]}}",
            "gates.deploy.owners: expected a mapping of labels or patterns, got a list",
        ),
        (
            "gates: {deploy: {owners: {shop: 5}}}",
            "gates.deploy.owners: 'shop': expected a name of at most 200 characters, got 5",
        ),
        (
            "gates: {deploy: {owners: {7: ann}}}",
            "gates.deploy.owners: 7: expected a text that is not empty and does not begin with -, got 7",
        ),
        (
            "gates: {deploy: {runbooks: {shop: 'javascript:alert(1)'}}}",
            "gates.deploy.runbooks: 'shop': expected a URL that begins with https:// or http://, got 'javascript:alert",
        ),
        (
            "gates: {ready: {notify: [{url_env: PROBE_NOTIFY_URL}]}}",
            'gates.ready.notify: the gate "ready" is kept by a thread of each web process, which cannot honour this',
        ),
        (
            "gates: {deploy: {notify: [{url_env: A}, {}]}}",
            "gates.deploy.notify: entry 2: expected either url, or url_env",
        ),
        # YAML.
        ("gates: {deploy: {}", "line 1, column 19: not YAML: expected ',' or '}', but got '<stream end>'"),
        (
            "gates:\n\tdeploy: {}",
            "line 2, column 1: not YAML: found character '\\t' that cannot start any token",
        ),
        ("gates:\n  a: {}\n  a: {}", "line 2: the key a stands twice in one mapping"),
        (
            "gates: {deploy: !!python/object/apply:os.system [id]}",
            "line 1, column 17: not YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/",
        ),
        (
            "gates: {}\n---\ngates: {}",
            "line 2, column 1: not YAML: but found another document",
        ),
        ("gates: *nowhere", "line 1, column 8: not YAML: found undefined alias 'nowhere'"),
        ("gates: \x07", "not YAML: ReaderError: unacceptable character #x0007: special characters are not allowed"),
        ("gates: {deploy: {retries: !!int ''}}", "not YAML: IndexError: string index out of range"),
        ("gates: {deploy: {every: !!bool x}}", "not YAML: KeyError: 'x'"),
        ("gates: &a [*a]", "not a policy: with its aliases written out it is larger than 1 MiB"),
    ],
)
def test_parse__refuses(text, says):
    """One line: the file, the place, what was expected there and what is nearest."""
    told = refusal(text)

    assert told.startswith(f"probe.yaml: {says}")
    assert "\n" not in told


@pytest.mark.parametrize("bomb", [BOMB, MERGE_BOMB], ids=["aliases", "merge keys"])
def test_parse__a_bomb_is_refused_before_it_goes_off(bomb):
    """A few hundred bytes that stand for gigabytes cost neither time nor memory."""
    assert refusal(bomb) == "probe.yaml: not a policy: with its aliases written out it is larger than 1 MiB"


def test_parse__deep_nesting_is_refused():
    """Brackets in brackets end in the sentence, not in a traceback."""
    assert refusal("gates: " + "[" * 2_000) == "probe.yaml: not a policy: it is nested too deeply"


def test_parse__a_long_value_is_shown_in_part():
    """The sentence stays one that a person can read."""
    told = refusal(f"gates: {{deploy: {{timeout: {'9' * 4000}}}}}")

    assert told.startswith("probe.yaml: gates.deploy.timeout: expected a duration of 7 days at the most, got 999")
    assert len(told) < 200


@pytest.mark.parametrize("digits", ["9" * 5000, "0x" + "f" * 5000], ids=["decimal", "hexadecimal"])
@pytest.mark.parametrize("place", ["gates: {}", "gates: {{deploy: {{failfast: {}}}}}"])
def test_parse__a_number_too_long_to_be_shown(digits, place):
    """Python refuses to read or write such a number in digits; the policy is refused in one sentence all the same."""
    assert "Exceeds the limit (4300 digits)" in refusal(place.format(digits))


def test_parse__many_keys_are_read_in_no_time():
    """Looking for keys that stand twice takes a time that grows with their number, not with its square."""
    many = "\n".join(f"  g{number}: {{}}" for number in range(10_000))

    assert len(parse_policy(f"gates:\n{many}\n", "probe.yaml").gates) == 10_000


def test_read__a_byte_order_mark_is_no_part_of_the_policy(tmp_path):
    """Editors that write one do not make the file wrong."""
    path = tmp_path / "probe.yaml"
    path.write_bytes(b"\xef\xbb\xbfgates: {deploy: {}}")

    assert list(read_policy(str(path)).gates) == ["deploy"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project whose one probe leaves a file when it runs."""
    made = new_project(tmp_path_factory.mktemp("policy"))
    made.app(
        "shop",
        """\
        import unittest
        from pathlib import Path
        class TestA(unittest.TestCase):
            def test_a(self):
                Path("it-ran").touch()
        """,
    )
    return made


def made_file(folder, content):
    """Return a policy file with this content."""
    path = folder / "probe.yaml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "missing.yaml", "policy file {path}: cannot be read: No such file or directory"),
        (lambda folder: folder, "policy file {path}: cannot be read: Is a directory"),
        (lambda folder: made_file(folder, b"gates: \xff"), "{path}: not a policy: it is not UTF-8 text"),
        (
            lambda folder: made_file(folder, b"\xe2\x82\xac" * 400_000),
            "{path}: not a policy: it is larger than 1 MiB",
        ),
        (
            lambda folder: made_file(folder, b"gates: {default: {timout: 3s}}"),
            '{path}: gates.default.timout: unknown key; did you mean "timeout"?',
        ),
        (
            lambda folder: made_file(folder, b'gates: {"a\\n\\e[31mb": []}'),
            (
                "{path}: gates.'a\\n\\x1b[31mb': a gate's name is letters, digits, - and _, and begins with one of the "
                "first two"
            ),
        ),
        (
            lambda folder: made_file(folder, b'gates: {a: {"x\\n\\e[31my": 1}}'),
            "{path}: gates.a.x \\x1b[31my: unknown key",
        ),
        (
            lambda folder: made_file(folder, BOMB.encode()),
            "{path}: not a policy: with its aliases written out it is larger than 1 MiB",
        ),
    ],
    ids=["missing", "folder", "not UTF-8", "huge", "wrong key", "hostile name", "hostile key", "bomb"],
)
def test_command__an_invalid_policy_is_one_line_and_exit_2(shop, tmp_path, make, says):
    """Nothing ran, and the line on standard error is the whole of what is printed."""
    path = make(tmp_path)

    done = shop.probe("--policy", str(path))

    assert (done.code, done.out) == (2, "")
    assert done.err == f"CommandError: {says.format(path=path)}\n"
    assert not (shop.path / "it-ran").exists()


def test_command__an_unknown_gate_is_one_line_and_exit_2(shop, tmp_path):
    """The nearest gate is named."""
    path = made_file(tmp_path, b"gates: {deploy: {}, ready: {}}")

    done = shop.probe("--policy", str(path), "--gate", "deplo")

    assert done.code == 2
    assert done.err == (
        f'CommandError: {path}: no gate "deplo"; did you mean "deploy"? (gates in the file: deploy, ready)\n'
    )
