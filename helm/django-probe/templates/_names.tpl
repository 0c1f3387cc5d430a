{{/* The chart's name: its alias where it is a dependency, or nameOverride. */}}
{{- define "django-probe.name" -}}
{{- .Values.nameOverride | default (.Chart.Name | replace "." "-" | replace "_" "-" | trunc 40 | trimSuffix "-") -}}
{{- end }}

{{/*
The name that the names of all objects begin with: fullnameOverride, or release and chart, or the release alone where
both are the same.
40 characters at most leave room for what the Job controller adds (63) and what a CronJob does (52). A name that is
longer, or no name for a Service, is cut and told from its like by a hash.
*/}}
{{- define "django-probe.fullname" -}}
{{- $name := include "django-probe.name" . -}}
{{- $full := .Values.fullnameOverride | default (eq .Release.Name $name | ternary $name (printf "%s-%s" .Release.Name $name)) -}}
{{- if regexMatch "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$" $full -}}
{{- $full -}}
{{- else -}}
{{- printf "p-%s-%s" ($full | replace "." "-" | trunc 28 | trimSuffix "-") ($full | sha256sum | trunc 8) -}}
{{- end -}}
{{- end }}

{{/* The name of the release as the gate's reports have it: `shop.v42`, as in the name of Helm's own record. */}}
{{- define "django-probe.release" -}}
{{- printf "%s.v%d" .Release.Name (int .Release.Revision) -}}
{{- end }}

{{/*
The name of a hook's Job: takes `root` and `what`. Each revision has a Job of its own, because Helm 3 takes one that is
deleted while it runs for one that passed, and what tells of a revision stays when the next one runs. For Argo CD every
revision is the first.
*/}}
{{- define "django-probe.jobName" -}}
{{- $revision := eq .root.Values.gate.hook.style "argocd" | ternary "" (printf "-%d" (int .root.Release.Revision)) -}}
{{- printf "%s-%s%s" (include "django-probe.fullname" .root) .what $revision -}}
{{- end }}

{{/* By which the objects of a gate are found: takes `root` and `gate`, whose name may be longer than a label. */}}
{{- define "django-probe.gateLabels" -}}
django-probe/gate: {{ regexReplaceAll "[-_]+$" (trunc 63 .gate) "" | quote }}
{{ include "django-probe.revisionLabel" .root }}
{{- end }}

{{- define "django-probe.revisionLabel" -}}
django-probe/revision: {{ .Release.Revision | int | quote }}
{{- end }}

{{- define "django-probe.selectorLabels" -}}
app.kubernetes.io/name: {{ include "django-probe.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* The labels of every object. */}}
{{- define "django-probe.labels" -}}
{{- include "django-probe.labelsAnd" (dict "root" . "more" dict) -}}
{{- end }}

{{/* The same, and `more`, which count more than those that are common to all: takes `root` and `more`. */}}
{{- define "django-probe.labelsAnd" -}}
{{- include "django-probe.ownLabels" .root }}
{{- with merge (dict) .more .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "django-probe.ownLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{ include "django-probe.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end }}

{{/* The image: the digest wins over the tag, and a chart without either takes that of its own version. */}}
{{- define "django-probe.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{- define "django-probe.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "django-probe.fullname" .) "default") -}}
{{- end }}

{{/* The ConfigMap of the inline probes; it is immutable, so that its name follows its content. */}}
{{- define "django-probe.probesName" -}}
{{- printf "%s-probes-%s" (include "django-probe.fullname" .) (.Values.probes | toJson | sha256sum | trunc 8) -}}
{{- end }}

{{/*
The `name` and `data` of the ConfigMap that the revision before has mounted, as YAML, if it is another one. Helm deletes
what is no longer in the manifest, while the pods of that revision may still be made anew. Empty where nothing can be
looked up, as under `helm template`.
*/}}
{{- define "django-probe.probesBefore" -}}
{{- $pointer := lookup "v1" "ConfigMap" .Release.Namespace (printf "%s-probes" (include "django-probe.fullname" .)) -}}
{{- $name := dig "data" "name" "" $pointer -}}
{{- if and $name (ne $name (include "django-probe.probesName" .)) -}}
{{- with lookup "v1" "ConfigMap" .Release.Namespace $name -}}
{{- dict "name" $name "data" .data | toYaml -}}
{{- end -}}
{{- end -}}
{{- end }}
