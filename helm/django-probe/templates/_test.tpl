{{/* What the pods of `helm test` have in common; the metadata take `root` and `what`. */}}
{{- define "django-probe.testMetadata" -}}
{{- $hook := dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation" -}}
name: {{ printf "%s-test-%v" (include "django-probe.fullname" .root) .what | quote }}
namespace: {{ .root.Release.Namespace | quote }}
{{ include "django-probe.podMetadata" (dict "root" .root "component" "test" "annotations" $hook) }}
{{- end }}

{{- define "django-probe.testSpec" -}}
restartPolicy: Never
activeDeadlineSeconds: 240
{{ include "django-probe.podSpec" . }}
volumes:
  {{- include "django-probe.volumes" . | nindent 2 }}
{{- end }}

{{- define "django-probe.testRest" -}}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  {{- include "django-probe.volumeMounts" . | nindent 2 }}
{{- end }}
