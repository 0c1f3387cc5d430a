{{/* The gates that the values use, as a YAML list. */}}
{{- define "django-probe.gates" -}}
{{- if .Values.gate.enabled }}
- {{ .Values.gate.name | quote }}
{{- end }}
{{- if .Values.cronJob.enabled }}
- {{ .Values.cronJob.gate | quote }}
{{- end }}
{{- end }}

{{/* What the schema cannot say follows: each wrong value is one sentence that says what to do. */}}

{{/* Takes `root`, `key`, `gate`. Without a policy in the values the image has its own, which nobody here can read. */}}
{{- define "django-probe.checkGate" -}}
{{- $policy := .root.Values.policy -}}
{{- if and $policy (not (hasKey $policy.gates .gate)) (ne .gate "default") -}}
{{- fail (printf "%s: policy.gates has no gate %q (it has: %s); add it there, or name one of these" .key .gate (keys $policy.gates | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end }}

{{/*
Takes `key`, `job`, `gate`. The run's own deadline ends a gate with its report; the Job's would delete the pod with its
log. Each attempt needs its time.
*/}}
{{- define "django-probe.checkJob" -}}
{{- include "django-probe.checkArgs" (dict "key" .key "args" .job.args) -}}
{{- $attempt := add .gate.startupAllowanceSeconds .job.deadlineSeconds .gate.terminationGracePeriodSeconds -}}
{{- $needed := mul $attempt (add 1 .gate.backoffLimit) -}}
{{- if ge (int $needed) (int .job.activeDeadlineSeconds) -}}
{{- fail (printf "%s.activeDeadlineSeconds: %d is too short, Kubernetes would delete the pod with its report: startupAllowanceSeconds %d + deadlineSeconds %d + terminationGracePeriodSeconds %d, for each of %d attempts, is %d; set it to %d or more" .key (int .job.activeDeadlineSeconds) (int .gate.startupAllowanceSeconds) (int .job.deadlineSeconds) (int .gate.terminationGracePeriodSeconds) (int (add 1 .gate.backoffLimit)) $needed (add $needed 1)) -}}
{{- end -}}
{{- end }}

{{/* Takes `key`, `args`. An option given twice would go round what was checked. */}}
{{- define "django-probe.checkArgs" -}}
{{- $key := .key -}}
{{- $values := dict "--gate" "gate.name or cronJob.gate" "--deadline" (printf "%s.deadlineSeconds" $key) "--shard" "gate.shards" "--policy" "policy" -}}
{{- range .args -}}
{{- $option := . | splitList "=" | first -}}
{{- with get $values $option -}}
{{- fail (printf "%s.args: %s is set by the chart; use the value %s" $key $option .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Setting any delete policy takes Helm's own default away. */}}
{{- define "django-probe.checkHook" -}}
{{- if not (has "before-hook-creation" .Values.gate.hook.deletePolicy) -}}
{{- fail "gate.hook.deletePolicy: before-hook-creation is missing, and without it the next upgrade fails because the last one's Job is still there; add it" -}}
{{- end -}}
{{- end }}

{{- define "django-probe.checkWeb" -}}
{{- if and .Values.command (not .Values.web.command) -}}
{{- fail "web.command: `command` means an image of your own, and nothing says how its server starts; set web.command, or web.enabled to false" -}}
{{- end -}}
{{- end }}
