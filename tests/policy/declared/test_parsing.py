"""How the checks of a policy file are read, and what is said of one that is wrong."""

from __future__ import annotations

import json
import unittest

import pytest
import yaml
from jsonschema import Draft7Validator

from django_probe.policy.declared.kinds import RESERVED
from django_probe.policy.file import parse_policy
from django_probe.policy.schema import schema

SCHEMA = Draft7Validator(json.loads(schema()))


def policy(checks):
    """Return a policy file with these checks."""
    return f"gates: {{deploy: {{probes: [checks]}}}}\nchecks: {checks}"


@pytest.mark.parametrize(
    ("check", "label"),
    [
        ("{home: {http: https://shop.example/, status: [200, 3xx], valid_for: 14d}}", "checks.http.home"),
        ('{log-in: {http: /in, base: "${URL}", form: {n: 1.5}, follow: false}}', "checks.http.log-in"),
        ('{home: {http: "https://u:${PASSWORD}@a:${PORT}/${PATH}"}}', "checks.http.home"),
        ("{next: {steps: [{http: https://a, save: {url: u}}, {http: '{{ url }}'}]}}", "checks.steps.next"),
        ("{port: {tcp: 'db.example:5432', within: 1s}}", "checks.tcp.port"),
        ("{port: {tcp: '[::1]:5432', slow: 250ms}}", "checks.tcp.port"),
        ("{cert: {tls: '${HOST}:443', valid_for: 36h}}", "checks.tls.cert"),
        ("{name: {dns: shop.example, has: [192.0.2.10, '2001:db8::1']}}", "checks.dns.name"),
        ("{stock: {sql: SELECT 1, expect: '> 0', database: other, database_access: rollback}}", "checks.sql.stock"),
        ("{s: {sql: \"SELECT ';', E'\\\\';', $$;$$ /* ; */ -- ;\\n;\"}}", "checks.sql.s"),
        ("{front: {view: 'shop:home', json: {'a[0]': [1, {b: null}]}}}", "checks.view.front"),
        ("{worker: {command: [celery, inspect, ping], status: [0, 3]}}", "checks.command.worker"),
        (
            "{buy: {base: 'https://a', steps: [{http: /, save: {t: token}}, {http: '/{{ t }}'}], tags: [slow]}}",
            "checks.steps.buy",
        ),
        (
            "{a: {http: http://a, timeout: 5s, retries: 1, warn_only: true, owner: web, runbook: https://b/c}}",
            "checks.http.a",
        ),
    ],
)
def test_check__read(check, label):
    """Each kind is read with its keys, and bears its label; the schema takes it too."""
    (read,) = parse_policy(policy(check), "probe.yaml").checks

    assert read.label == label
    assert [*SCHEMA.iter_errors(yaml.safe_load(policy(check)))] == []


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ("[]", "checks: expected a mapping of checks by name, got []"),
        ("{}", "checks: expected a mapping of checks by name, got {}"),
        ("{home: https://a/}", "checks.home: expected a mapping of keys, got 'https://a/'"),
        ("{1: {http: https://a/}}", "checks: expected names as keys, got 1; put it in quotes"),
        ("{a.b: {http: https://a/}}", "checks.'a.b': a check's name is letters, digits, - and _"),
        ("{run: {http: https://a/}}", "checks.run: no check can have this name, which unittest uses itself"),
        ("{assertive: {http: https://a/}}", "checks.assertive: no check can have this name"),
        ("{home: {htpp: https://a/}}", 'checks.home: htpp: unknown key; did you mean "http"?'),
        ("{home: {status: 200}}", "checks.home: it asks nothing; give it one of the keys http, tcp, tls,"),
        ("{home: {http: https://a/, tcp: 'a:1'}}", "the keys http and tcp; make each a check of its own"),
        ("{home: {http: https://a/, staus: 200}}", 'checks.home.staus: unknown key; did you mean "status"?'),
        ("{p: {tcp: 'a:1', json: {a: 1}}}", "checks.p.json: unknown key; checks of the kind tcp do not have it"),
        ("{home: {http: https://a/, status: 2x}}", "checks.home.status: expected a status such as 200, 2xx"),
        ("{home: {http: https://a/, status: true}}", "checks.home.status: expected a status"),
        ("{home: {http: https://a/, within: soon}}", "checks.home.within: expected a duration such as"),
        ("{home: {http: https://a/, within: 1d}}", "checks.home.within: expected a duration such as"),
        ("{home: {http: https://a/, valid_for: 4000d}}", "checks.home.valid_for: expected 1d at the least and 3650d"),
        ("{home: {http: https://a/, valid_for: 14}}", "checks.home.valid_for: expected a duration with its unit"),
        ("{home: {http: https://a/, valid_for: 0d}}", "checks.home.valid_for: expected 1d at the least"),
        ("{home: {http: '${URL:-https://a}/'}}", "checks.home.http: there is a ${ that begins no ${NAME}"),
        ("{home: {http: https://a/, send: {X-A: '${A-B}'}}}", "checks.home.send: 'X-A': there is a ${ that begins no"),
        ("{home: {http: https://a/, form: {a: '{{ b|c }}'}}}", "checks.home.form: 'a': there is a {{ }} without"),
        ("{home: {http: 'https://u:pass-word/@a/'}}", "checks.home.http: expected http://HOST"),
        ("{c: {command: [sleep, 1]}}", "checks.c.command: expected a text that is not empty, got 1; put it in quotes"),
        ('{c: {command: ["a\\0b"]}}', "checks.c.command: no argument can have the character NUL"),
        ("{f: {steps: [{http: https://a, save: {a-b: c}}]}}", "checks.f.steps[1].save: 'a-b': a name is letters"),
        ("{home: {http: https://a/, matches: '('}}", "checks.home.matches: expected a regular expression, got '('"),
        ("{home: {http: https://a/, status: 302}}", "checks.home.status: redirects are followed, so that the last"),
        ("{f: {steps: [{http: https://a/, status: [301, 3xx]}]}}", "checks.f.steps[1].status: redirects are followed"),
        ("{home: {http: /a, base: 'https://a/?b=c'}}", "checks.home.base: expected a URL without ? and #"),
        ("{s: {sql: 'SELECT 1; COMMIT'}}", "checks.s.sql: expected one statement, and there is more behind a ;"),
        ('{s: {sql: "SELECT 1 AS a$b$; COMMIT; SELECT 2 AS a$b$"}}', "checks.s.sql: expected one statement"),
        ("{s: {sql: \"SELECT '\\\\'; COMMIT; --'\"}}", "checks.s.sql: expected one statement"),
        ("{s: {sql: '/* a */ Attach ''b'' AS c'}}", "checks.s.sql: ATTACH asks nothing: it is for transactions"),
        ("{s: {sql: COMMIT}}", "checks.s.sql: COMMIT asks nothing"),
        ("{s: {sql: '-- SELECT 1'}}", "checks.s.sql: expected a statement, and there are comments or ; alone"),
        ("{home: {http: https://a/, matches: '.*'}}", "checks.home.matches: every text matches '.*'"),
        ("{home: {http: https://a/, contains: ''}}", "checks.home.contains: expected a text that is not empty"),
        ("{home: {http: https://a/, status: [2xx, 3xx, 4xx, 5xx]}}", "checks.home.status: every answer has one of"),
        ("{home: {http: https://a/, status: 0200}}", "line 2: YAML reads 0200 as another number"),
        ("{home: {<<: {http: https://a/, http: https://b/}}}", "line 2: the key http stands twice"),
        ("{home: {http: https://a/, send: {X-A: b, x-a: c}}}", "checks.home.send: 'X-A' and 'x-a' are one header"),
        ("{home: {http: 'https://a/{{ b }}'}}", "checks.home.http: no earlier step saves b"),
        ("{f: {steps: [{http: https://a, save: {id: a}}, {http: 'https://a/{{ ids }}'}]}}", 'did you mean "id"?'),
        ("{home: {http: https://a/, headers: {a b: c}}}", "checks.home.headers: expected names of headers"),
        ("{home: {http: https://a/, method: get}}", "checks.home.method: expected a method such as GET"),
        ("{home: {http: https://a/, method: GET, form: {a: b}}}", "checks.home.method: a form is sent with POST"),
        ("{home: {http: https://a/, form: {a: [b]}}}", "checks.home.form: 'a': expected a text or a number"),
        ("{home: {http: https://a/, json: {a: '> true'}}}", "checks.home.json: 'a': > compares numbers or texts"),
        ("{home: {http: https://a/, timeout: 0}}", "checks.home.timeout: expected a duration of more than nothing"),
        ("{home: {http: https://a/, owner: ''}}", "checks.home.owner: expected a name"),
        ("{home: {http: https://a/, tags: smoke}}", "checks.home.tags: expected a list that is not empty"),
        ("{home: {http: /a}}", "checks.home.http: the path '/a' needs the key base"),
        ("{home: {http: ftp://u:pass-word@a}}", "checks.home.http: expected http://HOST"),
        ("{home: {http: 'https://a:b/'}}", "checks.home.http: expected http://HOST"),
        ("{p: {tcp: db.example}}", "checks.p.tcp: expected HOST:PORT such as db.example:5432"),
        ("{p: {tls: 'a:70000'}}", "checks.p.tls: expected HOST:PORT"),
        ("{n: {dns: a, has: [b]}}", "checks.n.has: expected a list of IP addresses"),
        ("{s: {sql: SELECT 1, expect: 2026-01-01}}", "checks.s.expect: expected what JSON can hold"),
        ("{c: {command: celery inspect}}", "checks.c.command: expected a list that is not empty"),
        ("{c: {command: [a], status: 256}}", "checks.c.status: expected an exit status from 0 to 255"),
        ("{f: {steps: {http: /}}}", "checks.f.steps: expected a list of steps"),
        ("{f: {steps: [{http: https://a}, {htp: /}]}}", 'checks.f.steps[2]: htp: unknown key; did you mean "http"?'),
        ("{f: {steps: [{http: https://a, release: true}]}}", "checks.f.steps[1].release: unknown key"),
        ("{f: {steps: [{http: https://a, save: {a: 1}}]}}", "checks.f.steps[1].save: 'a': expected a text"),
        ("{f: {steps: [{http: https://a}], status: 200}}", "checks.f.status: unknown key; checks of the kind steps"),
    ],
)  # fmt: skip
def test_check__wrong(checks, message):
    """What is wrong is one line with its path, and the nearest key where there is one; it never shows a password."""
    with pytest.raises(Exception, match=r"^probe\.yaml: ") as raised:
        parse_policy(policy(checks), "probe.yaml")

    assert type(raised.value).__name__ == "PolicyError"
    assert str(raised.value).startswith(f"probe.yaml: {message}") or message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "pass-word" not in str(raised.value)


@pytest.mark.parametrize(
    "checks",
    [
        "[]",
        "{home: {htpp: https://a/}}",
        "{home: {http: https://a/, staus: 200}}",
        "{home: {http: https://a/, status: 2x}}",
        "{home: {http: https://a/, within: soon}}",
        "{home: {http: https://a/, tcp: 'a:1'}}",
        "{run: {http: https://a/}}",
        "{a.b: {http: https://a/}}",
        "{p: {tcp: db.example}}",
        "{c: {command: celery}}",
        "{f: {steps: [{htp: /}]}}",
    ],
)
def test_schema__refuses_what_the_parser_refuses(checks):
    """The schema refuses the keys and types that the parser refuses."""
    assert not SCHEMA.is_valid(yaml.safe_load(policy(checks)))


def test_line__of_each_check():
    """A check knows the line of its name in the file."""
    text = "gates: {deploy: {}}\nchecks:\n  home: {http: https://a/}\n\n  port:\n    tcp: a:1\n"

    assert [(check.name, check.line) for check in parse_policy(text, "probe.yaml").checks] == [("home", 3), ("port", 5)]


def test_reserved__every_name_of_a_test_case():
    """No name that a test case of unittest has can be a check's: its probe would stand in the way."""
    taken = {name for name in dir(unittest.TestCase) if not name.startswith(("_", "assert"))}

    assert taken <= set(RESERVED)
