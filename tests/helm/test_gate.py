"""The gate's Job: what it runs exists, it ends by itself in time, and it tells its run apart."""

from __future__ import annotations

import argparse
import re

import pytest

import django_probe
from django_probe.management.arguments import add_arguments
from django_probe.policy.file import parse_policy
from tests.helm.charts import CI_FILES, containers, environment, pod_of, render, values_of
from tests.helm.tools import ROOT


def entrypoint_words() -> set[str]:
    """The first words that the image's entrypoint knows."""
    text = (ROOT / "deploy" / "entrypoint").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+)\)$", text, re.MULTILINE))


def parsed(container: dict) -> argparse.Namespace:
    """Read the arguments of a gate's container as the command does; what it does not know ends the test."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser)
    arguments = [text.replace("$(JOB_COMPLETION_INDEX)", "0") for text in container["args"]]
    if "command" not in container:
        assert arguments[0] == "gate"
        arguments[0] = "--gate"
    return parser.parse_args(arguments)


def job(values: dict | None = None, **gate) -> dict:
    """Return the gate's Job."""
    return render({**(values or {}), "gate": gate}).kind("Job")


def refusal(values: dict) -> str:
    """Return the sentence with which Helm refuses the values."""
    refused = render(values)
    assert refused.code != 0
    (line,) = [line for line in refused.error.splitlines() if line.startswith("Error: execution error at")]
    return line.partition("): ")[2]


@pytest.mark.parametrize("path", CI_FILES, ids=lambda path: path.stem)
def test_arguments__are_those_of_the_command(path):
    """Every argument of every gate's container is read by the command's own parser, and the gate is in the policy."""
    rendered = render(values_of(path))
    maps = {each["metadata"]["name"]: each["data"] for each in rendered.objects if each.get("data")}
    for pod in filter(None, map(pod_of, rendered.objects)):
        volumes = {each["name"]: each["configMap"]["name"] for each in pod["spec"]["volumes"] if "configMap" in each}
        for container in containers(pod):
            if container["name"] in {"database-proxy", "exporter"}:
                continue  # the values' own
            if container["name"] in {"gate", "list"}:
                gate = parsed(container).gate
                if policy := environment(container).get("PROBE_POLICY"):
                    text = maps[volumes[policy.split("/")[3]]]["probe.yaml"]
                    assert gate in parse_policy(text, str(path)).gates
            elif "command" not in container:
                assert container["args"][0] in entrypoint_words()


def test_policy__is_what_the_values_say():
    """The ConfigMap holds the gates of the values; a default gate goes where the values have null for it."""
    rendered = render({"policy": {"gates": {"deploy": {"tags": ["smoke"]}, "periodic": None}}})
    policy = parse_policy(rendered.kind("ConfigMap")["data"]["probe.yaml"], "values")
    assert set(policy.gates) == {"deploy", "ready"}
    assert policy.gates["deploy"].tags == ("smoke",)
    assert policy.gates["deploy"].retries == 1


def test_policy__may_be_the_image_s_own():
    """With `policy: null` nothing is mounted and PROBE_POLICY is left to the image, whose gates nobody checks."""
    rendered = render({"policy": None, "gate": {"name": "whatever"}})
    assert not rendered.has("ConfigMap")
    (container,) = pod_of(rendered.kind("Job"))["spec"]["containers"]
    assert "PROBE_POLICY" not in environment(container)


def test_job__is_the_hook_that_fails_a_release():
    """After install and upgrade, once, deleted before the next; Helm 4 prints its log where it fails."""
    made = job()
    assert made["metadata"]["annotations"] == {
        "helm.sh/hook": "post-install,post-upgrade",
        "helm.sh/hook-weight": "0",
        "helm.sh/hook-delete-policy": "before-hook-creation",
        "helm.sh/hook-output-log-policy": "hook-failed",
    }
    spec = made["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["ttlSecondsAfterFinished"] == 86400
    assert pod_of(made)["spec"]["restartPolicy"] == "Never"
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert spec["podFailurePolicy"] == {"rules": [rule]}


def test_hook__is_what_the_values_say():
    """Events, weight and policies are values."""
    hook = {
        "events": ["post-upgrade"],
        "weight": -5,
        "deletePolicy": ["before-hook-creation"],
        "outputLogPolicy": [],
    }
    assert job(hook=hook)["metadata"]["annotations"] == {
        "helm.sh/hook": "post-upgrade",
        "helm.sh/hook-weight": "-5",
        "helm.sh/hook-delete-policy": "before-hook-creation",
    }


def test_style_argocd__is_argo_s_hook_and_no_helm_hook_beside_it():
    """One Argo CD hook switches Helm's hooks off in an application: there is none, not that of `helm test` either."""
    hook = {"style": "argocd", "weight": 3, "deletePolicy": ["before-hook-creation", "hook-succeeded"]}
    rendered = render({"gate": {"hook": hook}})
    assert rendered.kind("Job")["metadata"]["annotations"] == {
        "argocd.argoproj.io/hook": "PostSync",
        "argocd.argoproj.io/sync-wave": "3",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation,HookSucceeded",
    }
    assert "helm.sh/hook" not in rendered.text


def test_style_none__is_a_job_of_each_revision():
    """A Job cannot be changed: what is no hook has another name in another revision."""
    made = job(hook={"style": "none"})
    assert "annotations" not in made["metadata"]
    assert made["metadata"]["name"] == "shop-django-probe-gate-1"


def test_run__has_a_name():
    """The gate knows the release and its revision, and the run's id is the Job's uid, which its shards share."""
    (container,) = pod_of(job())["spec"]["containers"]
    variables = environment(container)
    assert variables["PROBE_RELEASE"] == "shop.v1"
    label = "metadata.labels['batch.kubernetes.io/controller-uid']"
    assert variables["PROBE_RUN_ID"] == {"fieldRef": {"fieldPath": label}}
    assert variables["PROBE_TRIGGER"] == "helm-hook"


def test_verdict__is_the_termination_message():
    """The command writes where kubelet reads; where it could not (exit code 2 or 137), that is the end of the log."""
    (container,) = pod_of(job())["spec"]["containers"]
    assert environment(container)["PROBE_TERMINATION_LOG"] == container["terminationMessagePath"]
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


@pytest.mark.parametrize("sink", ["log", "none"])
def test_report_sink__is_told_to_the_gate(sink):
    """report.sink says whether the gate prints its JUnit report into its log."""
    (container,) = pod_of(render({"report": {"sink": sink}}).kind("Job"))["spec"]["containers"]
    assert environment(container)["PROBE_REPORT_SINK"] == sink


def test_command__of_a_team_s_image():
    """An image of one's own is given `--gate NAME`, then the options, then the labels."""
    made = job({"command": ["django-probe", "probe"]}, args=["--durations", "5"], labels=["shop"])
    (container,) = pod_of(made)["spec"]["containers"]
    assert container["command"] == ["django-probe", "probe"]
    assert container["args"] == ["--gate", "deploy", "--deadline", "180s", "--durations", "5", "--", "shop"]
    options = parsed(container)
    assert (options.labels, options.durations, options.deadline) == (["shop"], 5, 180)


def test_image__is_named_by_digest_then_tag_then_version():
    """A digest wins over a tag; without both the image is that of the chart's version."""
    images = [{}, {"tag": "7"}, {"tag": "7", "digest": f"sha256:{'0' * 64}"}]
    named = [pod_of(render({"image": image}).kind("Job"))["spec"]["containers"][0]["image"] for image in images]
    assert named == [f"django-probe:{django_probe.__version__}", "django-probe:7", f"django-probe@sha256:{'0' * 64}"]


def test_shards__are_pods_of_one_indexed_job():
    """All run at once, each with its part, and none is killed because another one failed."""
    made = job(shards=4)
    spec = made["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
    assert spec["backoffLimitPerIndex"] == 0
    assert "backoffLimit" not in spec
    (container,) = pod_of(made)["spec"]["containers"]
    assert container["args"][-2:] == ["--shard", "$(JOB_COMPLETION_INDEX)/4"]
    assert parsed(container).shard.count == 4


def test_ladder__ends_the_gate_before_kubernetes_does():
    """With the default values the gate's deadline, the start and the grace are over before the Job's deadline."""
    values = values_of(ROOT / "helm" / "django-probe" / "values.yaml")
    gate, cron = values["gate"], values["cronJob"]
    around = gate["startupAllowanceSeconds"] + gate["terminationGracePeriodSeconds"]
    assert around + gate["deadlineSeconds"] < gate["activeDeadlineSeconds"] < 300  # the --timeout of helm
    assert around + cron["deadlineSeconds"] < cron["activeDeadlineSeconds"]
    spec = job()["spec"]
    assert spec["activeDeadlineSeconds"] == 285
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30


@pytest.mark.parametrize("seconds", [270, 271])
def test_ladder__is_checked_to_the_second(seconds):
    """60 + 180 + 30 has to be less than the Job's deadline; else one sentence says what is needed."""
    values = {"gate": {"activeDeadlineSeconds": seconds}}
    if seconds > 270:
        assert render(values).code == 0
        return
    assert refusal(values) == (
        "gate.activeDeadlineSeconds: 270 is too short, Kubernetes would delete the pod with its report: "
        "startupAllowanceSeconds 60 + deadlineSeconds 180 + terminationGracePeriodSeconds 30, for each of 1 attempts, "
        "is 270; set it to 271 or more"
    )


@pytest.mark.parametrize(("limit", "waits"), [(1, 10), (2, 10 + 20), (5, 10 + 20 + 40 + 80 + 160)])
def test_ladder__has_room_for_each_attempt_and_the_waits_between(limit, waits):
    """Kubernetes waits before a further attempt, each time twice as long: the last one ends by itself as well."""
    seconds = (limit + 1) * (60 + 180 + 30) + waits
    assert render({"gate": {"backoffLimit": limit, "activeDeadlineSeconds": seconds + 1}}).code == 0
    said = refusal({"gate": {"backoffLimit": limit, "activeDeadlineSeconds": seconds}})
    assert said.endswith(
        f"and the {waits} s that Kubernetes waits between them, is {seconds}; set it to {seconds + 1} or more"
    )


@pytest.mark.parametrize("job", ["gate", "cronJob"])
@pytest.mark.parametrize("option", ["--list", "--help", "-h", "--version"])
def test_arguments__with_which_nothing_runs_are_refused(job, option):
    """Such a Job would succeed without having judged anything."""
    assert refusal({job: {"enabled": True, "args": ["--durations", "5", option]}}) == (
        f"{job}.args: with {option} the command runs nothing and exits 0, so that the gate would always open; "
        "take it out"
    )


REFUSED = [
    (
        {"gate": {"name": "deplyo"}},
        (
            'gate.name: policy.gates has no gate "deplyo" (it has: deploy, periodic, ready); '
            "add it there, or name one of these"
        ),
    ),
    (
        {"cronJob": {"enabled": True, "gate": "nightly"}},
        (
            'cronJob.gate: policy.gates has no gate "nightly" (it has: deploy, periodic, ready); '
            "add it there, or name one of these"
        ),
    ),
    (
        {"gate": {"args": ["--deadline=10m"]}},
        "gate.args: --deadline is set by the chart; use the value gate.deadlineSeconds",
    ),
    (
        {"cronJob": {"enabled": True, "args": ["--policy", "x"]}},
        "cronJob.args: --policy is set by the chart; use the value policy",
    ),
    (
        {"gate": {"hook": {"deletePolicy": ["hook-succeeded"]}}},
        (
            "gate.hook.deletePolicy: before-hook-creation is missing, and without it the next upgrade fails "
            "because the last one's Job is still there; add it"
        ),
    ),
    (
        {"gate": {"hook": {"deletePolicy": ["before-hook-creation", "hook-failed"]}}},
        (
            "gate.hook.deletePolicy: hook-failed deletes the gate's Job with its log and its report, so that "
            "nobody could tell it from one that was deleted while it ran; take it out "
            "(ttlSecondsAfterFinished collects the Job)"
        ),
    ),
    (
        {"command": ["django-probe", "probe"], "web": {"enabled": True}},
        (
            "web.command: `command` means an image of your own, and nothing says how its server starts; "
            "set web.command, or web.enabled to false"
        ),
    ),
    (
        {"cronJob": {"enabled": True, "deadlineSeconds": 600}},
        (
            "cronJob.activeDeadlineSeconds: 345 is too short, Kubernetes would delete the pod with its report: "
            "startupAllowanceSeconds 60 + deadlineSeconds 600 + terminationGracePeriodSeconds 30, for each of 1 "
            "attempts, is 690; set it to 691 or more"
        ),
    ),
    (
        {"gate": {"backoffLimit": 1}},
        (
            "gate.activeDeadlineSeconds: 285 is too short, Kubernetes would delete the pod with its report: "
            "startupAllowanceSeconds 60 + deadlineSeconds 180 + terminationGracePeriodSeconds 30, for each of 2 "
            "attempts, and the 10 s that Kubernetes waits between them, is 550; set it to 551 or more"
        ),
    ),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED, ids=[sentence.partition(":")[0] for _, sentence in REFUSED])
def test_values_that_cannot_work__are_refused_in_one_sentence(values, sentence):
    """Helm ends before anything is installed, and says which value it is and what to do."""
    assert refusal(values) == sentence


def test_cron_job__runs_the_gate_periodic():
    """Never twice at once, in a zone, with a limit for its start, and its history is what is kept."""
    made = render({"cronJob": {"enabled": True, "suspend": True}}).kind("CronJob")
    spec = made["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("*/15 * * * *", "Etc/UTC", "Forbid")
    assert (spec["startingDeadlineSeconds"], spec["suspend"]) == (120, True)
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 3)
    (container,) = pod_of(made)["spec"]["containers"]
    assert container["args"] == ["gate", "periodic", "--deadline", "240s"]
    assert environment(container)["PROBE_TRIGGER"] == "cronjob"
    job_spec = spec["jobTemplate"]["spec"]
    assert (job_spec["backoffLimit"], job_spec["activeDeadlineSeconds"]) == (0, 345)
    assert "ttlSecondsAfterFinished" not in job_spec


def test_long_times__are_written_out():
    """A million seconds is no 1e+06, which Kubernetes would refuse."""
    made = job(ttlSecondsAfterFinished=1209600, deadlineSeconds=1000000, activeDeadlineSeconds=2000000)
    assert made["spec"]["ttlSecondsAfterFinished"] == 1209600
    assert made["spec"]["activeDeadlineSeconds"] == 2000000
    assert "1000000s" in pod_of(made)["spec"]["containers"][0]["args"]
