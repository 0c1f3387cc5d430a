"""The Helm command that was given: which release it is about, and how its cluster is reached.

Helm's options are those of https://helm.sh/docs/helm/helm_upgrade/ and helm_install/, of Helm 3 and of Helm 4.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from django_probe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COMMANDS: Final = ("install", "upgrade")

# What takes no word after it; every other option does, unless its value follows after "=".
_BARE: Final = frozenset(
    {
        "--atomic",
        "--cleanup-on-fail",
        "--create-namespace",
        "--debug",
        "--dependency-update",
        "--devel",
        "--disable-openapi-validation",
        "--dry-run",
        "--enable-dns",
        "--force",
        "--force-conflicts",
        "--force-replace",
        "--generate-name",
        "--help",
        "--hide-notes",
        "--hide-secret",
        "--insecure-skip-tls-verify",
        "--install",
        "--kube-insecure-skip-tls-verify",
        "--no-hooks",
        "--pass-credentials",
        "--plain-http",
        "--recreate-pods",
        "--render-subchart-notes",
        "--replace",
        "--reset-then-reuse-values",
        "--reset-values",
        "--reuse-values",
        "--rollback-on-failure",
        "--skip-crds",
        "--skip-schema-validation",
        "--take-ownership",
        "--verify",
        "--wait",
        "--wait-for-jobs",
    }
)
# Helm 4 knows it as a switch of one command and as a text of the other.
_BARE_OF: Final = {"install": frozenset({"--server-side"}), "upgrade": frozenset[str]()}
_SHORT: Final = {
    "-f": "--values",
    "-g": "--generate-name",
    "-h": "--help",
    "-i": "--install",
    "-l": "--labels",
    "-n": "--namespace",
    "-o": "--output",
}
# How kubectl is told what Helm was told, by an option or by the environment.
_CONNECTION: Final = {
    "--kubeconfig": ("--kubeconfig", ""),
    "--kube-apiserver": ("--server", "HELM_KUBEAPISERVER"),
    "--kube-as-group": ("--as-group", "HELM_KUBEASGROUPS"),
    "--kube-as-user": ("--as", "HELM_KUBEASUSER"),
    "--kube-ca-file": ("--certificate-authority", "HELM_KUBECAFILE"),
    "--kube-context": ("--context", "HELM_KUBECONTEXT"),
    "--kube-insecure-skip-tls-verify": ("--insecure-skip-tls-verify", "HELM_KUBEINSECURE_SKIP_TLS_VERIFY"),
    "--kube-tls-server-name": ("--tls-server-name", "HELM_KUBETLS_SERVER_NAME"),
    "--kube-token": ("--token", "HELM_KUBETOKEN"),
    "--namespace": ("--namespace", "HELM_NAMESPACE"),
}
_OFF: Final = ("false", "0", "f", "F", "FALSE", "False")


@dataclass(frozen=True, slots=True)
class Command:
    """The command as it was given; `helm` and `kubectl` are the programs.

    `for_helm` and `for_kubectl` are the options with which each reaches the same cluster and namespace.
    """

    words: tuple[str, ...]
    release: str
    helm: str
    kubectl: str
    for_helm: tuple[str, ...]
    for_kubectl: tuple[str, ...]


def read(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> Command:
    """Return the command, or raise UsageError where it is none that installs or upgrades one release.

    One word is a whole command line, as an input of a CI's step is.
    """
    if len(words) == 1:
        words = _of_line(words[0])
    if not words:
        raise UsageError("no command is there after --; write django-probe rollout -- helm upgrade …")
    if not PurePath(words[0]).name.startswith("helm"):
        raise UsageError(f"the command after -- is {words[0]}; it has to be helm")
    options, arguments = _taken_apart(words[1:])
    release = _release(options, arguments)
    for_helm = [f"{name}={value}" for name in _CONNECTION for value in options.get(name, [])]
    for_kubectl = []
    for name, (option, variable) in _CONNECTION.items():
        values = options.get(name) or _of_environment(name, environment.get(variable, ""))
        for_kubectl += [f"{option}={value}" for value in values]
    return Command(tuple(words), release, _program(words[0]), _program("kubectl"), tuple(for_helm), tuple(for_kubectl))


def _of_line(line: str) -> list[str]:
    """Return the words of a line as a shell parts it, over several lines too; nothing is expanded."""
    try:
        return shlex.split(line.replace("\\\n", " "))
    except ValueError as error:
        raise UsageError(f"the command after -- cannot be parted into words: {error}; mend its quotes") from None


def _of_environment(name: str, value: str) -> list[str]:
    if name == "--kube-as-group":
        return [group for group in value.split(",") if group]
    return [value] if value else []


def _release(options: Mapping[str, list[str]], arguments: Sequence[str]) -> str:
    """Return the name of the release, or raise UsageError where the command leaves no gate to wait for."""
    if not arguments or arguments[0] not in COMMANDS:
        what = f"helm {arguments[0]}" if arguments else "helm without a command"
        raise UsageError(f"{what} is no release to wait for; use helm upgrade or helm install")
    for option in ("--help", "--no-hooks", "--dry-run"):
        if any(value not in (*_OFF, "none") for value in options.get(option, [])):
            raise UsageError(f"with {option} Helm runs no gate, so that there is nothing to wait for; take it out")
    for option in ("--generate-name", "--name-template"):
        if option in options:
            raise UsageError(f"{option}: the gate is found by the release's name; give it one in the command")
    if len(arguments) < 3:  # noqa: PLR2004 (the command, the release, the chart)
        raise UsageError(f"helm {arguments[0]} needs the name of a release, and a chart")
    return arguments[1]


def _taken_apart(words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the options by their long names, with their values, and what is no option."""
    options: defaultdict[str, list[str]] = defaultdict(list)
    arguments: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            arguments += rest
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            options[name].append(value if equals else _value(name, arguments, rest))
        elif word.startswith("-") and word != "-":
            _take_short(word[1:], options, arguments, rest)
        else:
            arguments.append(word)
    return options, arguments


def _take_short(
    letters: str, options: defaultdict[str, list[str]], arguments: Sequence[str], rest: Iterator[str]
) -> None:
    """Take `i` of `-i`, `nprod` of `-nprod`, `in` of `-in prod`."""
    while letters:
        name = _SHORT.get(f"-{letters[0]}", f"-{letters[0]}")
        letters = letters[1:]
        if name in _BARE:
            options[name].append("true")
            continue
        options[name].append(letters.removeprefix("=") if letters else _value(name, arguments, rest))
        return


def takes_a_word(option: str, command: str) -> bool:
    """Return whether an option of `helm install` or `helm upgrade` takes the word after it for its value."""
    return option not in _BARE and option not in _BARE_OF.get(command, ())


def _value(name: str, arguments: Sequence[str], rest: Iterator[str]) -> str:
    return next(rest, "") if takes_a_word(name, arguments[0] if arguments else "") else "true"


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise UsageError(f"{name}: there is no such program on the PATH")
    return found
