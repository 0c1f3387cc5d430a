{{/*
How kubelet asks a container that serves django_probe.urls. A chart that depends on this one has them by
    include "django-probe.readinessProbe" (index .Subcharts "django-probe")
The Host header is set because kubelet would send the pod's address, which ALLOWED_HOSTS answers with 400.
*/}}
{{- define "django-probe.readinessProbe" -}}
{{ include "django-probe.httpProbe" (dict "root" . "path" "ready/" "times" .Values.kubelet.readiness) }}
{{- end }}

{{/* Asks for nothing that another system could break: a restart would not repair that. */}}
{{- define "django-probe.livenessProbe" -}}
{{ include "django-probe.httpProbe" (dict "root" . "path" "live/" "times" .Values.kubelet.liveness) }}
{{- end }}

{{- define "django-probe.startupProbe" -}}
{{ include "django-probe.httpProbe" (dict "root" . "path" "live/" "times" .Values.kubelet.startup) }}
{{- end }}

{{- define "django-probe.httpProbe" -}}
{{- $kubelet := .root.Values.kubelet -}}
httpGet:
  path: {{ $kubelet.urlPrefix }}{{ .path }}
  port: {{ $kubelet.port }}
  httpHeaders:
    - name: Host
      value: {{ $kubelet.host | quote }}
{{ toYaml .times }}
{{- end }}
