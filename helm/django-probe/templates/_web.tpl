{{/* What the environment tells the web server alone, as a YAML list. */}}
{{- define "django-probe.webEnv" -}}
{{- $history := .Values.history -}}
{{- if $history.enabled }}
# A run that is started over HTTP judges this release.
- name: PROBE_RELEASE
  value: {{ include "django-probe.release" . | quote }}
{{- end }}
{{- if and $history.enabled $history.tokensSecret.name }}
- name: PROBE_TOKENS_FILE
  value: /etc/django-probe/tokens/{{ $history.tokensSecret.key }}
{{- end }}
{{- if and $history.enabled (not .Values.web.command) }}
# Who asks inside the cluster names the Service, who comes from outside the Ingress, `kubectl port-forward` this host.
- name: ALLOWED_HOSTS
  value: {{ include "django-probe.webHosts" . | quote }}
{{- end }}
{{- $origins := include "django-probe.webOrigins" . }}
{{- if and $history.enabled $origins (not .Values.web.command) }}
# Log-in is a form, and the origin that a browser names is the Ingress's or the Gateway's. With https cookies keep to it.
- name: CSRF_TRUSTED_ORIGINS
  value: {{ $origins | quote }}
{{- end }}
{{- end }}

{{- define "django-probe.webOrigins" -}}
{{- $origins := list -}}
{{- with .Values.ingress -}}
{{- if .enabled -}}{{- $origins = append $origins (printf "%s://%s" (empty .tlsSecret | ternary "http" "https") .host) -}}{{- end -}}
{{- end -}}
{{- with .Values.httpRoute -}}
{{- if .enabled -}}{{- $origins = append $origins (printf "%s://%s" (.tls | ternary "https" "http") .host) -}}{{- end -}}
{{- end -}}
{{- $origins | uniq | join "," -}}
{{- end }}

{{/* What the Ingress and the HTTPRoute lead to the web server, as a YAML list. */}}
{{- define "django-probe.webPaths" -}}
- {{ .Values.kubelet.urlPrefix | quote }}
{{- if and .Values.history.enabled (not .Values.web.command) }}
# The log-in, the admin and its files are the image's own; a team's server has its own places for them.
- /accounts/
- /admin/
- /static/
{{- end }}
{{- end }}

{{- define "django-probe.webHosts" -}}
{{- $service := printf "%s-web" (include "django-probe.fullname" .) -}}
{{- $hosts := list "localhost" "127.0.0.1" .Values.kubelet.host -}}
{{- $full := printf "%s.%s" $service .Release.Namespace -}}
{{- $hosts = concat $hosts (list $service $full (printf "%s.svc" $full) (printf "%s.svc.cluster.local" $full)) -}}
{{- range list .Values.ingress .Values.httpRoute -}}
{{- if .enabled -}}{{- $hosts = append $hosts .host -}}{{- end -}}
{{- end -}}
{{- $hosts | uniq | join "," -}}
{{- end }}

{{/* Mounted as a folder: kubelet renews the files in it, which it does not do with subPath. */}}
{{- define "django-probe.tokensMount" -}}
{{- if and .Values.history.enabled .Values.history.tokensSecret.name }}
- name: tokens
  mountPath: /etc/django-probe/tokens
  readOnly: true
{{- end }}
{{- end }}

{{- define "django-probe.tokensVolume" -}}
{{- with .Values.history }}
{{- if and .enabled .tokensSecret.name }}
- name: tokens
  secret:
    secretName: {{ .tokensSecret.name }}
    items:
      - key: {{ .tokensSecret.key }}
        path: {{ .tokensSecret.key }}
{{- end }}
{{- end }}
{{- end }}
