{{/* The app's image is the gate's. Where the gate is switched off, its chart's templates are not there. */}}
{{- define "shop.image" -}}
{{- with .Values.image -}}
{{- fail (printf "image: the app and its gate have one image: set probe.image.repository and probe.image.tag in place of image (%s)" (toString .)) -}}
{{- end -}}
{{- if .Subcharts.probe -}}
{{- include "django-probe.image" .Subcharts.probe -}}
{{- else -}}
{{- with .Values.probe.image -}}
{{- printf "%s%s" .repository (empty .digest | ternary (printf ":%s" .tag) (printf "@%s" .digest)) -}}
{{- end -}}
{{- end -}}
{{- end }}
