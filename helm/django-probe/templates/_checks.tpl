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
{{- if ne .Values.gate.fault "none" -}}
{{- range .Values.env -}}
{{- if has .name (list "PROBE_PATH" "PROBE_POLICY") -}}
{{- fail (printf "gate.fault: env sets %s, so that the rehearsal would not be found; take it out of env while you rehearse" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if not (has "before-hook-creation" .Values.gate.hook.deletePolicy) -}}
{{- fail "gate.hook.deletePolicy: before-hook-creation is missing, and without it the next upgrade fails because the last one's Job is still there; add it" -}}
{{- end -}}
{{- end }}

{{- define "django-probe.checkWeb" -}}
{{- if and .Values.command (not .Values.web.command) -}}
{{- fail "web.command: `command` means an image of your own, and nothing says how its server starts; set web.command, or web.enabled to false" -}}
{{- end -}}
{{- if and (not .Values.web.command) (ne .Values.kubelet.urlPrefix "/probe/") -}}
{{- fail (printf "kubelet.urlPrefix: the image's own server answers under /probe/ alone, not under %s; leave it, or set web.command" .Values.kubelet.urlPrefix) -}}
{{- end -}}
{{- if and (not .Values.web.command) (ne (int .Values.web.containerPort) 8000) -}}
{{- fail (printf "web.containerPort: the image's own server listens on 8000, not on %d; leave it (servicePort is what others see), or set web.command" (int .Values.web.containerPort)) -}}
{{- end -}}
{{- end }}

{{/* A policy that no run could read would be noticed in the pods alone, after the release is applied. */}}
{{- define "django-probe.checkPolicy" -}}
{{- range $name, $gate := .Values.policy.gates -}}
{{- $wrong := eq $name "ready" | ternary (list "parallel" "deadline" "retries" "retry_delay" "failfast" "database_access") (list "every" "max_age") -}}
{{- range $key := $wrong -}}
{{- if hasKey ($gate | default dict) $key -}}
{{- fail (printf "policy.gates.%s.%s: %s; take it out" $name $key (eq $name "ready" | ternary "the gate \"ready\" is kept by a thread of each web process, which cannot honour this key" "only the gate \"ready\" is kept by a web process")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
