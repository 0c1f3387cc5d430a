"""`django-probe rollout`, with a Helm and a kubectl that behave as the real ones do: what passes, and what does not."""

from __future__ import annotations

import re
import signal

import pytest

from django_probe.reports import sink
from tests.rollout.world import CLOSED, job, log, pod, said

OLD = job(11, state="Complete")
PASSED = pod(code=0, said=said(0, "every probe passed"))
FAILED = pod(code=1, said=said(1, "1 blocking probe did not pass"))
REFUSAL = 'Error from server (Forbidden): jobs,pods is forbidden: User "ci" cannot list it'
ALLOWED = re.compile(
    r"helm version --short|helm status shop --output=json --namespace=prod|helm upgrade shop ./shop -n prod"
    r"|kubectl --namespace=prod get jobs,pods --selector=\S+ --output=json"
    r"|kubectl --namespace=prod get events --field-selector=involvedObject.uid=\S+ --output=json"
    r"|kubectl --namespace=prod logs \S+ --container=gate( --follow)?"
)


@pytest.mark.parametrize("version", ["v3.17.2", "v4.1.4"])
def test_gate_that_passes(world, version):
    """Helm's exit code, the log as a person reads it, both reports, and no command but those that only look."""
    for objects in ((), (job(), pod(running=True)), (job(state="Complete"), PASSED)):
        world.step(OLD, *objects)
    world.write("log.pod", log("test_pay"))
    done = world.run(script="echo NOTES; step 1; step 2; deployed; exit 0", version=version)
    assert (done.code, done.out) == (0, "NOTES\n"), done.err
    assert "passed   shop.TestShop.test_pay (0.050s)" in done.err.splitlines()
    assert "gate deploy: PASSED (exit 0): every probe passed" in done.err.splitlines()
    assert "django-probe:junit" not in done.err
    assert done.sentences[-1] == "gate deploy in the Job shop-probe-gate-12 passed"
    assert done.cases == {"test_pay": ""}
    assert done.summary.startswith("## Rollout of `shop`: passed (exit 0)\n")
    assert [call for call in done.calls if not ALLOWED.fullmatch(call)] == []


@pytest.mark.parametrize("version", CLOSED)
def test_gate_that_closes__with_a_rollback_whose_gate_passes(world, version):
    """Helm's exit code; the reports are those of the gate that closed, not of the one that ran after it."""
    world.step(OLD)
    world.step(OLD, job(), pod(running=True))
    world.step(OLD, job(state="Failed"), FAILED)
    again = job(11, uid="job-11-again", state="Complete")
    world.step(job(state="Failed"), FAILED, again, pod("back", "job-11-again", code=0))
    world.write("log.pod", log("test_pay", fails=True))
    world.write("log.back", log("test_pay", run="job-11-again"))
    done = world.run(script=f"step 1; step 2; step 3; {CLOSED[version]}", version=version)
    assert done.code == 1
    assert done.cases == {"test_pay": "402 != 200"}
    assert done.sentences[-1] == (
        "Helm ended with exit code 1: gate deploy in the Job shop-probe-gate-12 is closed: "
        "1 blocking probe did not pass"
    )
    assert "gate deploy: the Job shop-probe-gate-11 is of revision 11, which is not judged here" in done.sentences
    assert "## Rollout of `shop`: failed (exit 1)" in done.summary
    assert "<code>shop.TestShop.test_pay</code>: 402 != 200</summary>" in done.summary
    assert "Traceback of pay" in done.summary


PAGE = ("--html", "gate.html", "--annotations", "--", "helm", "upgrade", "shop", "./shop", "-n", "prod")


def test_page_and_annotations__are_those_of_the_gate_that_closed(world):
    """The page is made of the record that the log carries; GitHub gets the problems of all shards, and obeys no pod."""
    closed = [job(shards=2, state="Failed"), pod("a", shard=0, code=0), pod("b", shard=1, code=1)]
    world.step(OLD)
    world.step(OLD, *closed)
    world.write("log.a", log("test_a", shard="0/2"))
    hostile = "  ::stop-commands::x\nsay ##[add-mask]x\n"
    world.write("log.b", hostile + log("test_pay", fails=True, shard="1/2"))
    world.variables = {"GITHUB_ACTIONS": "true"}
    done = world.run(*PAGE, script="step 1; exit 1")
    page = (world.path / "gate.html").read_text(encoding="utf-8")
    assert "<b>test_a</b>" in page
    assert "Traceback of pay" in page
    assert "rollout.shop" not in page
    assert [line for line in done.err.splitlines() if line.lstrip().startswith("::")] == [
        "::error title=shop.TestShop.test_pay::402 != 200"
    ]
    assert "##[" not in done.err


def test_page_and_annotations__of_a_rollout_without_a_gate(world):
    """Both say what the verdict says; a line that was refused is an annotation too."""
    world.variables = {"GITHUB_ACTIONS": "true"}
    done = world.run(*PAGE, script="exit 1")
    assert done.sentences[-1] == "Helm ended with exit code 1: no gate had begun"
    assert "Helm ended with exit code 1: no gate had begun" in (world.path / "gate.html").read_text(encoding="utf-8")
    assert "::error title=rollout.shop.helm::Helm ended with exit code 1: no gate had begun" in done.err.splitlines()
    done = world.run("--annotations", "--", "helm", "uninstall", "shop")
    says = "helm uninstall is no release to wait for; use helm upgrade or helm install"
    assert done.err.splitlines() == [f"rollout: {says}", f"::error title=rollout::{says}"]


def test_page__of_a_log_without_a_record(world):
    """An older image prints JUnit XML alone: the exit code is that of the rollout, and it is said what is not there."""
    xml = (
        '<testsuites><testsuite name="shop" time="0.5"><testcase classname="a.B" name="c"/></testsuite></testsuites>\n'
    )
    world.step(OLD)
    world.step(OLD, job(state="Complete"), PASSED)
    world.write("log.pod", sink.wrap(xml, "0/1", {"run": "job-12", "gate": "deploy"}))
    world.variables = {"GITHUB_ACTIONS": "true"}
    done = world.run("--junit", "gate.xml", *PAGE, script="step 1; deployed; exit 0")
    assert (done.code, done.cases) == (0, {"c": ""})
    assert "" not in done.err.splitlines()
    assert not (world.path / "gate.html").exists()
    assert done.sentences[-1].startswith("--html gate.html: could not be delivered: a log has no record")


@pytest.mark.parametrize("there", [True, False], ids=["seen", "unseen"])
def test_job_that_is_deleted_while_it_runs__is_no_pass(world, there):
    """Helm 3 takes it for one, and says that all is well; whether anybody saw the Job does not matter."""
    world.step(OLD)
    world.step(OLD, *([job(), pod(running=True)] if there else []))
    world.step(OLD)
    world.write("log.pod", "passed   shop.TestShop.test_a (0.001s)\n")
    done = world.run(script="step 1; step 2; deployed; exit 0")
    assert done.code == 1
    lacks = "the gate did not pass (shop-probe-gate-12)" if there else "no gate judged it"
    assert done.sentences[-1].startswith(f"Helm ended with exit code 0, but {lacks}")
    assert ("was deleted before anybody saw its end" in done.sentences[-1]) is there
    assert done.cases["helm"] == done.sentences[-1]


def test_job_that_helm_4_does_not_find__is_its_failure(world):
    """Helm 4 waits for it until its timeout: its exit code, and what became of the gate."""
    for objects in ((), (job(), pod(running=True)), ()):
        world.step(OLD, *objects)
    world.write("log.pod", "")
    done = world.run(script="step 1; step 2; exit 1", version="v4.1.4")
    assert done.code == 1
    assert "was deleted before anybody saw its end" in done.sentences[-1]


def test_one_gate_of_two__that_is_gone_is_no_pass(world):
    """What Helm has run as a hook has to be there, and has to have passed."""
    world.step(OLD)
    world.step(OLD, job(state="Complete"), PASSED)
    world.write("log.pod", log("test_pay"))
    world.write("deployed.json", world.release(12, ran=("shop-probe-gate-12", "shop-smoke-gate-12")))
    done = world.run(script="step 1; deployed; exit 0")
    assert done.code == 1
    assert "the Job of a gate is not there (shop-smoke-gate-12): it was deleted" in done.sentences[-1]


def test_gate_of_an_earlier_installation__is_no_gate_of_this_one(world):
    """A release that is installed again has the same names: the Job of the last time has another uid."""
    (world.path / "release.json").unlink()
    world.step(job(1, state="Complete", uid="of the last time"))
    world.write("deployed.json", world.release(1))
    done = world.run(script="deployed; exit 0")
    assert done.code == 1
    assert "no Job of a gate of the release shop was made since the start" in done.sentences[-1]


def test_first_installation__has_a_gate(world):
    """Where there was no release before, revision 1 is the one to judge."""
    (world.path / "release.json").unlink()
    world.step()
    world.step(job(1, state="Complete"), pod(of="job-1", code=0))
    world.write("log.pod", log("test_pay", run="job-1"))
    world.write("deployed.json", world.release(1, ran=("shop-probe-gate-1",)))
    assert world.run(script="step 1; deployed; exit 0").code == 0


def test_helm_that_gives_up_too_early__leaves_the_gate_to_its_end(world):
    """On its timeout Helm leaves the Job running: every shard is waited for, and its report is there."""
    world.step(OLD)
    world.step(OLD, job(), pod(running=True))
    world.step(OLD, job(state="Failed"), FAILED)
    world.write("log.pod", log("test_pay", fails=True))
    world.write("open.pod", "")
    late = '(looks 5; rm "$WORLD/open.pod"; step 2) >/dev/null 2>&1 &'
    done = world.run(script=f"step 1; {late} echo 'Error: timed out waiting for the condition' >&2; exit 1")
    assert done.code == 1
    assert done.cases == {"test_pay": "402 != 200"}
    assert done.sentences[-1].endswith("is closed: 1 blocking probe did not pass")


def test_gate_that_does_not_end__is_not_waited_for_without_end(world):
    """After the Job's own deadline and some time more: Helm's exit code 0 is no pass then."""
    world.step(OLD)
    world.step(OLD, job(limit=0), pod(running=True))
    world.write("log.pod", "")
    world.write("open.pod", "")
    done = world.run(script="step 1; deployed; exit 0")
    assert done.code == 1
    assert done.sentences[-1].endswith("gate deploy in the Job shop-probe-gate-12 has not ended")


def test_second_pipeline__is_told_apart(world):
    """While another one is at work Helm refuses; what that one's gate says is not put into this one's report."""
    world.write("release.json", world.release(12, "pending-upgrade"))
    world.step(OLD)
    world.step(OLD, job(), pod(running=True))
    world.write("log.pod", log("test_pay"))
    refusal = "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress"
    done = world.run(script=f"step 1; echo '{refusal}' >&2; exit 1")
    assert done.code == 1
    assert done.sentences[-1] == "Helm ended with exit code 1: no gate had begun"
    assert done.cases == {"helm": done.sentences[-1]}


def test_pipeline_that_comes_after__is_not_waited_for(world):
    """A Job that is made when Helm has ended is another rollout's; if it is the latest revision, this one is not."""
    world.step(OLD)
    world.step(OLD, job(), pod(running=True))
    world.step(OLD, job(state="Complete"), PASSED, job(13, state="Complete"))
    world.write("log.pod", log("test_pay"))
    done = world.run(script="step 1; (looks 3; step 2) >/dev/null 2>&1 & deployed; exit 0")
    assert done.code == 0, done.err
    world.write("deployed.json", world.release(13))
    world.write("release.json", world.release(11))
    done = world.run(script="step 2; deployed; exit 0")
    assert done.code == 1
    assert "shop-probe-gate-12 did not judge revision 13, which is the latest by now" in done.sentences[-1]


def test_shards__of_which_one_is_evicted(world):
    """All are waited for and merged; of the shard that was made anew the latest pod decides."""
    evicted = {"reason": "Evicted", "message": "The node was low on resource: memory."}
    first = pod("zero-1", shard=0, minute=0, code=143, phase="Failed", **evicted)
    others = [pod(f"pod-{index}", shard=index, code=0) for index in (1, 2)]
    world.step(OLD)
    world.step(OLD, job(shards=3), first, *others)
    world.step(OLD, job(shards=3, state="Complete"), first, *others, pod("zero-2", shard=0, minute=1, code=0))
    world.write("log.zero-1", log("test_0", fails=True, shard="0/3"))
    for name, index in {"zero-2": 0, "pod-1": 1, "pod-2": 2}.items():
        world.write(f"log.{name}", log(f"test_{index}", shard=f"{index}/3"))
    done = world.run(script="step 1; step 2; deployed; exit 0")
    assert done.code == 0, done.err
    assert done.cases == {"test_0": "", "test_1": "", "test_2": ""}
    assert "[1/3] passed   shop.TestShop.test_1 (0.050s)" in done.err.splitlines()
    assert "zero-1: evicted, which is no verdict: Evicted: The node was low on resource: memory." in done.sentences
    assert "zero-1: an earlier attempt at shard 0/3; the latest decides" in done.sentences


def test_shard_whose_report_is_lost__is_told(world):
    """A gate that closed: what is there, and an error for what is not. One that passed: no report, which says why."""
    closed = [job(shards=2, state="Failed"), pod("a", shard=0, code=1), pod("b", shard=1, code=137)]
    world.step(OLD)
    world.step(OLD, *closed)
    world.write("log.a", log("test_a", fails=True, shard="0/2"))
    world.write("log.b", "Killed\n")
    done = world.run(script="step 1; exit 1")
    lost = "shop-probe-gate-12, shard 1/2: no report is in its log"
    assert done.cases == {"test_a": "402 != 200", "report 1": lost}
    world.write("log.a", log("test_a", shard="0/2"))
    world.write("log.b", "")
    world.step(OLD, job(shards=2, state="Complete"), pod("a", shard=0, code=0), pod("b", shard=1, code=0))
    done = world.run(script="step 2; deployed; exit 0")
    assert (done.code, done.junit) == (0, None)
    assert f"--junit gate.xml: could not be delivered: {lost}" in done.sentences
    assert f"Missing: {lost}" in done.summary


def test_gate_that_never_started__is_explained(world):
    """Its pod is gone at the deadline, and only its events are left; what it waits for is told while it waits."""
    world.step(OLD)
    world.step(OLD, job(), pod(waiting=("ImagePullBackOff", 'Back-off pulling image "shop:2"')))
    deadline = job(state="Failed")
    deadline["status"]["conditions"][0] |= {"reason": "DeadlineExceeded", "message": "was active too long"}
    world.step(OLD, deadline)
    world.warns("uid-pod", ("Failed", "Error: ErrImagePull"), ("Failed", 'image "shop:2":\nnot found'))
    done = world.run(script=f"step 1; step 2; {CLOSED['v3.17.2']}")
    assert 'pod: ImagePullBackOff: Back-off pulling image "shop:2"' in done.sentences
    assert done.sentences[-1].endswith(
        'never started: ImagePullBackOff: Back-off pulling image "shop:2"; Failed: image "shop:2": not found'
    )
    assert done.cases["helm"] == done.sentences[-1]


@pytest.mark.parametrize(
    ("waits", "uid", "warning"),
    [
        ([], "job-12", ("FailedCreate", 'pods "x" is forbidden: exceeded quota: compute')),
        (
            [
                pod(
                    conditions=[
                        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}
                    ]
                )
            ],
            "uid-pod",
            ("FailedScheduling", "0/3 nodes are available: 3 Insufficient memory."),
        ),
    ],
    ids=["quota", "unschedulable"],
)
def test_gate_without_a_place__is_explained(world, waits, uid, warning):
    """A quota is told by the Job's events, a full cluster by the pod's."""
    world.step(OLD)
    world.step(OLD, job(), *waits)
    world.step(OLD, job(state="Failed"))
    world.warns(uid, warning)
    done = world.run(script="step 1; step 2; exit 1")
    assert "never started: " in done.sentences[-1]
    assert done.sentences[-1].endswith(": ".join(warning))


def test_what_cannot_be_read__is_said(world):
    """Without pods, logs or events the gate still decides, and what is missing is told once."""
    world.step(OLD)
    world.step(OLD, job(state="Complete"), PASSED)
    world.write("forbidden.get.jobs,pods", "")
    done = world.run(script="step 1; deployed; exit 0")
    assert done.code == 0, done.err
    assert [line for line in done.sentences if "is forbidden" in line] == [
        f"the pods cannot be read, so that there is neither a log nor a report: kubectl get jobs,pods: {REFUSAL}"
    ]
    (world.path / "forbidden.get.jobs,pods").unlink()
    for name in ("forbidden.logs", "forbidden.get.events"):
        world.write(name, "")
    world.step(
        OLD,
        job(state="Failed"),
        pod(waiting=("ErrImagePull", "no")),
        job(13, state="Failed"),
        pod("q", "job-13", code=1),
    )
    world.write("release.json", world.release(11))
    done = world.run(script="step 2; exit 1")
    assert "the log of q cannot be read: Error from server (Forbidden): q is forbidden" in done.err
    assert done.err.count("the events cannot be read: kubectl get events: Error from server (Forbidden)") == 1


def test_helm_that_fails_before_the_gate__leaves_a_report_that_says_so(world):
    """No green report of an earlier rollout stands beside a red deploy."""
    world.write("gate.xml", "<of-the-last-rollout/>")
    done = world.run(script="exit 1")
    assert done.code == 1
    assert done.cases == {"helm": "Helm ended with exit code 1: no gate had begun"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGSEGV, 139)])
def test_helm_that_is_killed__gives_its_code(world, number, code):
    """As a shell would tell it; nobody waits for the gate."""
    world.step(OLD)
    world.step(OLD, job(limit=600), pod(running=True))
    world.write("log.pod", "")
    world.write("open.pod", "")
    assert world.run(script=f"step 1; kill -{int(number)} $$").code == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals__go_on_to_helm(world, number):
    """Helm rolls back, and its exit code is the rollout's; the gate is not waited for."""
    world.step(OLD)
    world.step(OLD, job(limit=600), pod(running=True))
    world.write("log.pod", "")
    world.write("open.pod", "")
    name = signal.Signals(number).name.removeprefix("SIG")
    trap = f"trap 'echo Release shop has been cancelled.; exit 7' {name}"
    process = world.start(script=f'{trap}; step 1; : >"$WORLD/there"; while :; do sleep 0.02; done')
    world.interrupt(process, "there", number)
    done = world.finish(process)
    assert (done.code, done.out) == (7, "Release shop has been cancelled.\n")
    assert "has not ended" in done.sentences[-1]


def test_connection__is_kubectl_s_too(world):
    """Options and environment with which Helm reaches its cluster reach kubectl, and `helm status`."""
    world.variables = {"HELM_NAMESPACE": "shops", "HELM_KUBEASGROUPS": "a,b"}
    done = world.run("--", "helm", "--kube-context", "blue", "upgrade", "-i", "shop", "./shop", "--kubeconfig=k")
    assert done.code == 1
    assert "helm status shop --output=json --kubeconfig=k --kube-context=blue" in done.calls
    options = "--kubeconfig=k --as-group=a --as-group=b --context=blue --namespace=shops"
    assert [call for call in done.calls if call.startswith(f"kubectl {options} get jobs,pods ")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--junit", "gate.xml"], "the Helm command has to follow --, as in: django-probe rollout -- helm upgrade …"),
        (["helm", "upgrade"], "unrecognized arguments: helm upgrade"),
        (["--json", "x", "--", "helm"], "unrecognized arguments: --json x"),
        (["--"], "no command is there after --; write django-probe rollout -- helm upgrade …"),
        (["--", "kubectl", "apply"], "the command after -- is kubectl; it has to be helm"),
        (["--", "helm4x", "upgrade", "a", "b"], "helm4x: there is no such program on the PATH"),
        (
            ["--", "helm", "uninstall", "shop"],
            "helm uninstall is no release to wait for; use helm upgrade or helm install",
        ),
        (["--", "helm", "upgrade", "shop", "./shop", "--dry-run"], "with --dry-run Helm runs no gate"),
        (["--", "helm", "upgrade", "shop", "./shop", "--no-hooks"], "with --no-hooks Helm runs no gate"),
        (["--", "helm", "install", "./shop", "-g"], "--generate-name: the gate is found by the release's name"),
        (["--", "helm", "upgrade", "./shop"], "helm upgrade needs the name of a release, and a chart"),
        (["--junit", "a", "--junit", "b", "--", "helm"], "argument --junit: given twice; it writes one report"),
        (["--junit", "no/gate.xml", "--", "helm"], "--junit no/gate.xml: there is no folder"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input__is_one_line(world, arguments, says):
    """Exit code 2, and nothing is started."""
    done = world.run(*arguments)
    assert (done.code, done.out, done.calls) == (2, "", [])
    (line,) = done.err.splitlines()
    assert says in line


def test_cluster_that_cannot_be_read__is_one_line(world):
    """Exit code 2 before Helm is started, for each program that does not answer as it should."""
    world.write("forbidden.get", "")
    done = world.run()
    assert done.code == 2
    assert done.err == (
        'rollout: kubectl get jobs: Error from server (Forbidden): jobs is forbidden: User "ci" cannot list it\n'
    )
    assert not [call for call in done.calls if call.startswith("helm upgrade")]
    (world.path / "kubectl").unlink()
    world.variables = {"PATH": str(world.path)}
    assert world.run().err == "rollout: kubectl: there is no such program on the PATH\n"


def test_helm_that_is_none__is_one_line(world):
    """Another version, or a status that says something else than that there is no such release."""
    done = world.run(version="v2.17.0")
    assert (done.code, done.err) == (2, "rollout: this is Helm v2.17.0; it has to be Helm 3 or 4\n")
    world.write("release.json", "no JSON")
    assert world.run().err == "rollout: helm status: the answer is no JSON\n"
