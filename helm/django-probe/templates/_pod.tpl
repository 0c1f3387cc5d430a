{{/* The metadata of a pod: takes `root`, `component`, and `gate` and `annotations` if it has them. It changes with what is mounted. */}}
{{- define "django-probe.podMetadata" -}}
{{- $values := .root.Values -}}
{{- $annotations := deepCopy (.annotations | default dict) -}}
{{- with $values.policy }}{{ $annotations = set $annotations "checksum/policy" (toJson . | sha256sum) }}{{ end -}}
{{- with $values.probes }}{{ $annotations = set $annotations "checksum/probes" (toJson . | sha256sum) }}{{ end -}}
labels:
  {{- include "django-probe.labelsAnd" (dict "root" .root "more" $values.podLabels) | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- if .gate }}
  {{- include "django-probe.gateLabels" . | nindent 2 }}
  {{- end }}
{{- with merge (dict) $values.podAnnotations $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The part of a pod's spec that is the same in all. Nothing here talks to the cluster's API: no pod gets a token. */}}
{{- define "django-probe.podSpec" -}}
serviceAccountName: {{ include "django-probe.serviceAccountName" . | quote }}
automountServiceAccountToken: false
# A Service named "probe" would otherwise set PROBE_PORT and its like, which are names of ours.
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "django-probe.container" -}}
image: {{ include "django-probe.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end }}

{{/*
The environment: takes `root`, `own`, a list, and whether it is for a pod that is `bare` of the chart's ConfigMaps. Of two
of a name the values' `env` wins, then `own`.
*/}}
{{- define "django-probe.env" -}}
{{- $root := .root -}}
{{- $ours := .own -}}
{{- if and $root.Values.policy (not .bare) -}}
{{- $ours = append $ours (dict "name" "PROBE_POLICY" "value" (include "django-probe.policyFile" $root)) -}}
{{- end -}}
{{- if and $root.Values.probes (not .bare) -}}
{{- $ours = append $ours (dict "name" "PROBE_PATH" "value" "/etc/django-probe/probes") -}}
{{- end -}}
{{- if $root.Values.history.enabled -}}
{{- include "django-probe.checkHistory" $root -}}
{{- with $root.Values.history.databaseSecret -}}
{{- if .name -}}
{{- $ours = append $ours (dict "name" "PROBE_HISTORY_DATABASE_URL" "valueFrom" (dict "secretKeyRef" (dict "name" .name "key" .key))) -}}
{{- end -}}
{{- end -}}
{{- $ours = append $ours (dict "name" "PROBE_HISTORY_DAYS" "value" (toString $root.Values.history.days)) -}}
{{- end -}}
{{- $names := list -}}
{{- range $root.Values.env }}{{ $names = append $names .name }}{{ end -}}
{{- $env := list -}}
{{- range $ours }}
{{- if not (has .name $names) }}
{{- $names = append $names .name }}
{{- $env = append $env . }}
{{- end }}
{{- end }}
{{- with concat $env $root.Values.env -}}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $from := $root.Values.envFrom -}}
{{- with $root.Values.existingSecret -}}
{{- $from = append $from (dict "secretRef" (dict "name" .)) -}}
{{- end }}
{{- with $from }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "django-probe.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .Values.policy }}
- name: policy
  mountPath: /etc/django-probe/policy
  readOnly: true
{{- end }}
{{- if .Values.probes }}
- name: probes
  mountPath: /etc/django-probe/probes
  readOnly: true
{{- end }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "django-probe.volumes" -}}
- name: tmp
  emptyDir: {}
{{- if .Values.policy }}
- name: policy
  configMap:
    name: {{ include "django-probe.fullname" . }}-policy
{{- end }}
{{- if .Values.probes }}
- name: probes
  configMap:
    name: {{ include "django-probe.probesName" . }}
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
