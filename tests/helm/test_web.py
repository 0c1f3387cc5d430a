"""The web server: kubelet asks what exists, an upgrade takes nothing away, and what hangs together finds itself."""

from __future__ import annotations

import json

import pytest

from tests.helm.charts import containers, environment, pod_of, render
from tests.projects import new_project, python

ON = {"web": {"enabled": True}}


def server(values: dict | None = None) -> dict:
    """Return the server's container."""
    (container,) = pod_of(render({**ON, **(values or {})}).kind("Deployment"))["spec"]["containers"]
    return container


def test_probes__of_kubelet():
    """Ready by ready/, alive by live/, each with a Host that ALLOWED_HOSTS knows and time for a slow answer."""
    container = server()
    asked = {name: container[f"{name}Probe"] for name in ("readiness", "liveness", "startup")}
    paths = {name: probe["httpGet"]["path"] for name, probe in asked.items()}
    assert paths == {"readiness": "/probe/ready/", "liveness": "/probe/live/", "startup": "/probe/live/"}
    for probe in asked.values():
        assert probe["httpGet"]["port"] == container["ports"][0]["name"]
        assert probe["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "localhost"}]
        assert probe["timeoutSeconds"] > 1  # the default, with which a slow answer is a failure
    patience = {name: probe["periodSeconds"] * probe["failureThreshold"] for name, probe in asked.items()}
    assert patience["readiness"] < patience["liveness"] <= patience["startup"]


def test_paths__are_answered_by_the_package(tmp_path):
    """django_probe.urls has what kubelet asks for, and answers 200 to both, without a redirect."""
    site = new_project(tmp_path / "site")
    site.write(
        "site_urls.py",
        """\
        from django.urls import include, path
        urlpatterns = [path("probe/", include("django_probe.urls"))]
        """,
    )
    container = server()
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("readiness", "liveness", "startup")]
    code = f"""
        import json
        from django.conf import settings
        from django.test import Client
        settings.ALLOWED_HOSTS = ["localhost"]
        asked = json.loads({json.dumps(probes)!r})
        print([Client().get(e["path"], headers={{"host": e["httpHeaders"][0]["value"]}}).status_code for e in asked])
    """
    done = python(site, code)
    assert done.out.strip() == "[200, 200, 200]", done.err


def test_kubelet__asks_where_the_values_say():
    """The prefix, the port and the host of a team's own server are values."""
    kubelet = {"urlPrefix": "/intern/probe/", "port": 9000, "host": "shop.example"}
    container = server({"kubelet": kubelet, "web": {"enabled": True, "command": ["gunicorn", "shop.wsgi"]}})
    got = container["readinessProbe"]["httpGet"]
    assert got == {
        "path": "/intern/probe/ready/",
        "port": 9000,
        "httpHeaders": [{"name": "Host", "value": "shop.example"}],
    }


@pytest.mark.parametrize("port", ["http", 8000])
def test_kubelet__asks_the_image_s_own_server_by_name_or_number(port):
    """Both are the one port that it listens on."""
    container = server({"kubelet": {"port": port}})
    assert container["readinessProbe"]["httpGet"]["port"] in container["ports"][0].values()


def test_kubelet__asks_an_app_s_server_on_any_port():
    """Without a server of the chart's the values are for the app's own, through the chart's templates."""
    assert render({"kubelet": {"port": 9000, "urlPrefix": "/intern/"}}).code == 0


def test_update__takes_no_pod_away_before_another_is_ready():
    """Rolling, with nothing unavailable; a drained node takes one pod at a time; replicas go to different nodes."""
    rendered = render(ON)
    spec = rendered.kind("Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert rendered.kind("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")


def test_end__waits_for_requests():
    """The pod goes on serving while the cluster learns that it goes, and then has time for what it has begun."""
    pod = pod_of(render(ON).kind("Deployment"))["spec"]
    still = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    gunicorn_graceful_timeout = 20
    assert still + gunicorn_graceful_timeout < pod["terminationGracePeriodSeconds"]


def test_selectors__find_the_server_s_pods_alone():
    """Service, budget, spread and Deployment select the server's pods, and none of a gate's or a test's."""
    rendered = render({**ON, "cronJob": {"enabled": True}})
    deployment = rendered.kind("Deployment")
    selectors = [
        rendered.kind("Service")["spec"]["selector"],
        rendered.kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        deployment["spec"]["selector"]["matchLabels"],
        deployment["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    pods = [(each["kind"], pod["metadata"]["labels"]) for each in rendered.objects if (pod := pod_of(each))]
    assert len(pods) == 6
    for selector in selectors:
        assert [kind for kind, labels in pods if selector.items() <= labels.items()] == ["Deployment"]


def test_ingress__leads_to_the_service():
    """Host, path and certificate as the values say, to the port of the Service; nothing without a server."""
    values = {"ingress": {"enabled": True, "host": "probe.shop.example", "tlsSecret": "tls", "className": "nginx"}}
    rendered = render({**ON, **values})
    spec = rendered.kind("Ingress")["spec"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["tls"] == [{"hosts": ["probe.shop.example"], "secretName": "tls"}]
    (rule,) = spec["rules"]
    (path,) = rule["http"]["paths"]
    service = rendered.kind("Service")
    assert (rule["host"], path["path"]) == ("probe.shop.example", "/probe/")
    assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    assert path["backend"]["service"]["port"]["name"] == service["spec"]["ports"][0]["name"]
    assert not render(values).has("Ingress")


def test_http_route__leads_to_the_service():
    """As the Ingress does, through the Gateways that are named; field by field, for Kubernetes has no schema of it.

    https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec
    """
    gateways = [{"name": "public", "namespace": "gateways", "sectionName": "https"}]
    rendered = render({**ON, "httpRoute": {"enabled": True, "parentRefs": gateways, "annotations": {"a": "b"}}})
    route, service = rendered.kind("HTTPRoute"), rendered.kind("Service")
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["metadata"]["annotations"] == {"a": "b"}
    assert route["spec"] == {
        "parentRefs": gateways,
        "hostnames": ["probe.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/probe"}}],
                "backendRefs": [
                    {"name": service["metadata"]["name"], "port": service["spec"]["ports"][0]["port"]},
                ],
            }
        ],
    }
    assert not render({"httpRoute": {"enabled": True, "parentRefs": gateways}}).has("HTTPRoute"), "nothing serves"


@pytest.mark.parametrize(("tls", "scheme"), [(True, "https"), (False, "http")])
def test_http_route__is_a_host_and_an_origin_of_the_server(tls, scheme):
    """The image's server allows the host, beside the Ingress's, and takes its form for log-in."""
    history = {"enabled": True, "databaseSecret": {"name": "probe-history"}}
    ingress = {"enabled": True, "host": "old.example"}
    route = {"enabled": True, "host": "new.example", "tls": tls, "parentRefs": [{"name": "public"}]}
    values = {"web": {"enabled": True, "replicas": 1}, "history": history, "ingress": ingress, "httpRoute": route}
    rendered = render(values)
    given = environment(pod_of(rendered.kind("Deployment"))["spec"]["containers"][0])
    assert {"old.example", "new.example"} <= set(given["ALLOWED_HOSTS"].split(","))
    assert given["CSRF_TRUSTED_ORIGINS"] == f"http://old.example,{scheme}://new.example"
    (rule,) = rendered.kind("HTTPRoute")["spec"]["rules"]
    paths = [match["path"]["value"] for match in rule["matches"]]
    assert paths == ["/probe", "/accounts", "/admin", "/static"]


def test_autoscaling__chooses_the_number_of_pods():
    """A HorizontalPodAutoscaler of the Deployment, which then says no number itself: each upgrade would reset it."""
    scaling = {"enabled": True, "minReplicas": 3, "maxReplicas": 9, "targetCPUUtilizationPercentage": 60}
    rendered = render({"web": {"enabled": True, "autoscaling": scaling}})
    scaler, deployment = rendered.kind("HorizontalPodAutoscaler"), rendered.kind("Deployment")
    target = scaler["spec"].pop("scaleTargetRef")
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert scaler["spec"] == {
        "minReplicas": 3,
        "maxReplicas": 9,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
            }
        ],
    }
    assert "replicas" not in deployment["spec"]
    off = render(ON)
    assert not off.has("HorizontalPodAutoscaler")
    assert off.kind("Deployment")["spec"]["replicas"] == 2


REFUSED = [
    (
        {"web": {"enabled": True, "autoscaling": {"minReplicas": 5}}},
        "web.autoscaling.minReplicas: 5 is more than maxReplicas 4; make it less",
    ),
    (
        {"web": {"enabled": True, "autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}}},
        "web.autoscaling: the load is told as a part of the CPU that is requested, and web.resources.requests has",
    ),
    (
        {"web": {"enabled": True}, "httpRoute": {"enabled": True}},
        "httpRoute.parentRefs: nothing says through which Gateway the requests come",
    ),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED, ids=[sentence.partition(":")[0] for _, sentence in REFUSED])
def test_web__that_cannot_work_is_one_sentence(values, sentence):
    """What Kubernetes would tell of in events that nobody reads."""
    assert sentence in render(values).error


def test_network_policy__lets_in_requests_to_the_server_alone():
    """Every pod is selected; without `egress` everything may go out, with it DNS goes out as well."""
    egress = [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]
    open_policy = render({"networkPolicy": {"enabled": True}}).kind("NetworkPolicy")["spec"]
    assert open_policy["policyTypes"] == ["Ingress"]
    assert open_policy["ingress"] == [{"ports": [{"port": "http"}]}]
    ingress = [{"namespaceSelector": {}}]
    rendered = render({"networkPolicy": {"enabled": True, "egress": egress, "ingressFrom": ingress}})
    closed = rendered.kind("NetworkPolicy")["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for port in closed["egress"][0]["ports"]] == [53, 53]
    own = rendered.kind("NetworkPolicy")["spec"]["podSelector"]
    assert closed["egress"][1:] == [{"to": [{"podSelector": own}], "ports": [{"port": "http"}]}, *egress]
    assert {"podSelector": own} in closed["ingress"][0]["from"]  # `helm test` asks the server


def test_helm_test__asks_the_server_and_lists_the_gates():
    """`helm test` lists each gate in use, and asks the Service as kubelet asks a pod."""
    rendered = render({**ON, "cronJob": {"enabled": True}, "podAnnotations": {"team": "shop"}})
    pods = [rendered.kind("Pod", f"-test-{what}") for what in (0, 1, "ready")]
    for each in pods:
        assert each["metadata"]["annotations"]["helm.sh/hook"] == "test"
        assert each["metadata"]["annotations"]["team"] == "shop"
        assert each["spec"]["restartPolicy"] == "Never"
        # `helm test --logs` asks for the log of a pod with the hook's name, and names no container.
        assert len(each["spec"]["containers"]) == 1
    *lists, ready = [containers(each)[0] for each in pods]
    assert [each["args"] for each in lists] == [["gate", "deploy", "--list"], ["gate", "periodic", "--list"]]
    script = ready["command"][2]
    compile(script, "ready", "exec")
    assert "http://shop-django-probe-web:80/probe/ready/" in script
    assert rendered.kind("Service")["metadata"]["name"] == "shop-django-probe-web"
