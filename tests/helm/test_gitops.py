"""The objects of other tools in docs/gitops.md are valid, have fields that there are, and do what the page says.

npm has the schemas of most CRDs as published, which take unknown fields, and none of Kargo's and Flagger's. So the
fields stand here too, as the sources of each tool have them:
Flux: https://github.com/fluxcd/helm-controller/blob/main/docs/spec/v2/helmreleases.md
Argo CD: https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml
Kargo: https://github.com/akuity/kargo/blob/main/charts/kargo/resources/crds/kargo.akuity.io_stages.yaml
Argo Rollouts: https://github.com/argoproj/argo-rollouts/tree/master/manifests/crds
Flagger: https://docs.flagger.app/usage/webhooks
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from django_probe.terms import parse_duration
from tests import node
from tests.documents import blocks
from tests.helm.charts import CHART, render, values_of
from tests.helm.kubernetes import validate
from tests.helm.tools import ROOT

BLOCKS = {
    block.argument: yaml.safe_load(block.text)
    for block in blocks(ROOT / "docs" / "gitops.md")
    if block.kind in {"flux", "argo", "kargo", "hook", "flagger"}
}
ANY: Any = ...
"""What is not looked into: values of a chart, an object of Kubernetes."""

REMEDIATION = dict.fromkeys(("retries", "remediateLastFailure", "ignoreTestFailures"))
ACTION = {
    **dict.fromkeys(("timeout", "disableHooks", "disableWait", "disableWaitForJobs")),
    "strategy": dict.fromkeys(("name", "retryInterval")),
}
HELM_RELEASE = {
    **dict.fromkeys(("interval", "timeout", "releaseName", "targetNamespace")),
    "chart": {
        "spec": {**dict.fromkeys(("chart", "version")), "sourceRef": dict.fromkeys(("kind", "name", "namespace"))}
    },
    "install": {**ACTION, "remediation": REMEDIATION},
    "upgrade": {**ACTION, "remediation": {**REMEDIATION, "strategy": None}},
    "rollback": ACTION,
    "values": ANY,
}
APPLICATION = {
    "project": None,
    "source": {
        **dict.fromkeys(("repoURL", "targetRevision", "path", "chart")),
        "helm": {"parameters": [dict.fromkeys(("name", "value", "forceString"))], "valuesObject": ANY},
    },
    "destination": dict.fromkeys(("server", "name", "namespace")),
}
STAGE = {
    "requestedFreight": [
        {"origin": dict.fromkeys(("kind", "name")), "sources": dict.fromkeys(("direct", "stages", "requiredSoakTime"))}
    ],
    "verification": {
        "analysisTemplates": [dict.fromkeys(("name", "kind"))],
        "args": [dict.fromkeys(("name", "value"))],
    },
}
WEB = {
    **dict.fromkeys(("method", "url", "timeoutSeconds", "jsonPath", "body", "insecure")),
    "headers": [dict.fromkeys(("key", "value"))],
}
METRIC = dict.fromkeys(
    ("name", "interval", "initialDelay", "count", "successCondition", "failureCondition", "failureLimit")
)
TEMPLATE = {
    "args": [{"name": None, "value": None, "valueFrom": {"secretKeyRef": dict.fromkeys(("name", "key"))}}],
    "metrics": [{**METRIC, "consecutiveErrorLimit": None, "provider": {"web": WEB, "job": {"spec": ANY}}}],
}
STEP = {"setWeight": None, "analysis": {"templates": [dict.fromkeys(("templateName", "clusterScope"))]}}
ROLLOUT = {"strategy": {"canary": {"steps": [STEP], "canaryService": None}}}
CANARY = {
    "targetRef": dict.fromkeys(("apiVersion", "kind", "name")),
    "analysis": {
        **dict.fromkeys(("interval", "threshold", "maxWeight", "stepWeight")),
        "webhooks": [dict.fromkeys(("name", "type", "url", "timeout", "metadata", "retries"))],
    },
}
KNOWN = {
    "HelmRelease": ("helm.toolkit.fluxcd.io/v2", HELM_RELEASE),
    "Application": ("argoproj.io/v1alpha1", APPLICATION),
    "Stage": ("kargo.akuity.io/v1alpha1", STAGE),
    "AnalysisTemplate": ("argoproj.io/v1alpha1", TEMPLATE),
    "Rollout": ("argoproj.io/v1alpha1", ROLLOUT),
    "Canary": ("flagger.app/v1beta1", CANARY),
}

PACKAGES = tuple(
    f"@kubernetes-models/{name}"
    for name in ("flux-cd@4.0.0", "argo-cd@4.0.0", "argo-rollouts@2.0.0", "gateway-api@2.0.0")
)
MODELS = {
    "HelmRelease": "flux-cd/helm.toolkit.fluxcd.io/v2",
    "Application": "argo-cd/argoproj.io/v1alpha1",
    "AnalysisTemplate": "argo-rollouts/argoproj.io/v1alpha1",
    "HTTPRoute": "gateway-api/gateway.networking.k8s.io/v1",
}
VALIDATE = """\
(async () => {
  const said = {};
  for (const [kind, [from, given]] of Object.entries(JSON.parse(process.argv[1]))) {
    const models = await import(`@kubernetes-models/${from}/${kind}`);
    try { new models[kind](given).validate(); said[kind] = ""; } catch (error) { said[kind] = error.message; }
  }
  console.log(JSON.stringify(said));
})()
"""


def invalid(objects: dict[str, dict]) -> dict[str, str]:
    """Return what the published schema of each kind says against an object, "" where it says nothing."""
    given = json.dumps({kind: [MODELS[kind], shown] for kind, shown in objects.items()})
    said = node.run(PACKAGES, VALIDATE, given)
    assert isinstance(said, dict)
    return said


@pytest.mark.may_skip
def test_objects__are_valid_by_the_published_schemas():
    """Those of the page, and the chart's HTTPRoute; a strategy that there is not is found."""
    try:
        node.packages(PACKAGES)
    except node.UnavailableError as error:
        pytest.skip(str(error))
    route = {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways"}]}
    objects = {kind: BLOCKS[kind] for kind in MODELS if kind in BLOCKS}
    objects["HTTPRoute"] = render({"web": {"enabled": True}, "httpRoute": route}).kind("HTTPRoute")
    assert invalid(objects) == dict.fromkeys(MODELS, "")
    wrong = json.loads(json.dumps(BLOCKS["HelmRelease"]))
    wrong["spec"]["upgrade"]["remediation"]["strategy"] = "rolback"
    assert "/spec/upgrade/remediation/strategy" in invalid({"HelmRelease": wrong})["HelmRelease"]


def unknown(given: Any, known: Any, path: str = "") -> list[str]:
    """Return the fields that the tool does not have, or has as something else."""
    if known is ANY:
        return []
    if isinstance(known, dict) and isinstance(given, dict):
        found = [f"{path}.{key}" for key in given if key not in known]
        return found + [
            each for key in given if key in known for each in unknown(given[key], known[key], f"{path}.{key}")
        ]
    if isinstance(known, list) and isinstance(given, list):
        return [each for number, item in enumerate(given) for each in unknown(item, known[0], f"{path}[{number}]")]
    plain = known is None and not isinstance(given, dict)
    return [] if plain else [f"{path} is {type(given).__name__}"]


@pytest.mark.parametrize("kind", KNOWN)
def test_object__has_fields_that_there_are(kind):
    """A field that is misspelt, or in another place, would be dropped in silence or refused by the API."""
    version, known = KNOWN[kind]
    shown = BLOCKS[kind]
    assert (shown["apiVersion"], shown["kind"]) == (version, kind)
    assert set(shown) == {"apiVersion", "kind", "metadata", "spec"}
    assert unknown(shown["spec"], known) == []


def test_unknown_fields__are_found():
    """The comparison itself: a misspelt field, and one of another kind."""
    wrong = {"install": {"remediation": {"retry": 1}}, "chart": "./chart", "values": {"any": 1}}
    assert unknown(wrong, HELM_RELEASE) == [".install.remediation.retry", ".chart is str"]


def test_flux__rolls_back_by_what_it_is_told():
    """One attempt and one rollback; it waits, for longer than the gate's Job may take."""
    spec = BLOCKS["HelmRelease"]["spec"]
    upgrade = spec["upgrade"]
    assert upgrade["remediation"] == {"retries": 0, "remediateLastFailure": True, "strategy": "rollback"}
    assert spec["install"]["remediation"]["remediateLastFailure"] is True
    assert not any(spec[action]["disableWait"] for action in ("install", "upgrade", "rollback"))
    assert upgrade["disableHooks"] is False
    assert parse_duration(spec["timeout"]) > values_of(CHART / "values.yaml")["gate"]["activeDeadlineSeconds"]


def test_sync_fail__is_a_job_of_kubernetes():
    """It is a hook of Argo CD, and no second gate."""
    job = BLOCKS["SyncFail"]
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "SyncFail"
    validate(job)


def test_kargo__verifies_by_the_template_of_the_page():
    """The Stage names the AnalysisTemplate that is shown."""
    (template,) = BLOCKS["Stage"]["spec"]["verification"]["analysisTemplates"]
    assert template["name"] == BLOCKS["AnalysisTemplate"]["metadata"]["name"]
