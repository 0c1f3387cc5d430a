{{/*
What the pods of the app itself need, so that their `ready/` asks the gate `ready` of the same policy, and they can say
which release they are. A chart that depends on this one has them by
    include "django-probe.appEnv" (index .Subcharts "django-probe")
What `env` says of these two variables holds for the app as well.
*/}}
{{- define "django-probe.appEnv" -}}
{{- $given := dict -}}
{{- range .Values.env }}{{ $given = set $given .name . }}{{ end -}}
{{- $env := list (get $given "PROBE_RELEASE" | default (dict "name" "PROBE_RELEASE" "value" (include "django-probe.release" .))) -}}
{{- $policy := .Values.policy | empty | ternary nil (dict "name" "PROBE_POLICY" "value" (include "django-probe.policyFile" .)) -}}
{{- with get $given "PROBE_POLICY" | default $policy }}{{ $env = append $env . }}{{ end -}}
{{- toYaml $env }}
{{- end }}

{{- define "django-probe.appVolumeMounts" -}}
{{- if .Values.policy -}}
- name: django-probe-policy
  mountPath: {{ include "django-probe.policyFile" . | dir }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "django-probe.appVolumes" -}}
{{- if .Values.policy -}}
- name: django-probe-policy
  configMap:
    name: {{ include "django-probe.fullname" . }}-policy
{{- end }}
{{- end }}

{{/* A process reads the policy once: another policy is another pod. */}}
{{- define "django-probe.appAnnotations" -}}
{{- with .Values.policy -}}
checksum/policy: {{ toJson . | sha256sum }}
{{- end }}
{{- end }}

{{- define "django-probe.policyFile" -}}
/etc/django-probe/policy/probe.yaml
{{- end }}
