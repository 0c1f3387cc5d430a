{{/* Where it is written what to do: takes `root` and `alert`. */}}
{{- define "django-probe.runbook" -}}
{{- with .root.Values.prometheusRule.runbookUrl -}}
runbook_url: {{ printf "%s/%s.md" (trimSuffix "/" .) $.alert | quote }}
{{- end }}
{{- end }}
