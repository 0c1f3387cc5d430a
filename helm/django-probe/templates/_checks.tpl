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
log. Each attempt needs its time, and Kubernetes waits before each further one, 10 s at first and then twice as long as
before. Its most, 360 s, is out of reach with `backoffLimit` 5 at the most.
https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy
*/}}
{{- define "django-probe.checkJob" -}}
{{- include "django-probe.checkArgs" (dict "key" .key "args" .job.args) -}}
{{- $attempt := add .gate.startupAllowanceSeconds .job.deadlineSeconds .gate.terminationGracePeriodSeconds -}}
{{- $waits := 0 -}}
{{- $wait := 10 -}}
{{- range until (int .gate.backoffLimit) -}}
{{- $waits = add $waits $wait -}}
{{- $wait = mul 2 $wait -}}
{{- end -}}
{{- $between := $waits | empty | ternary "" (printf "and the %d s that Kubernetes waits between them, " (int $waits)) -}}
{{- $needed := add (mul $attempt (add 1 .gate.backoffLimit)) $waits -}}
{{- if ge (int $needed) (int .job.activeDeadlineSeconds) -}}
{{- fail (printf "%s.activeDeadlineSeconds: %d is too short, Kubernetes would delete the pod with its report: startupAllowanceSeconds %d + deadlineSeconds %d + terminationGracePeriodSeconds %d, for each of %d attempts, %sis %d; set it to %d or more" .key (int .job.activeDeadlineSeconds) (int .gate.startupAllowanceSeconds) (int .job.deadlineSeconds) (int .gate.terminationGracePeriodSeconds) (int (add 1 .gate.backoffLimit)) $between $needed (add $needed 1)) -}}
{{- end -}}
{{- end }}

{{/* Takes `key`, `args`. An option given twice would go round what was checked; without a run there is no verdict. */}}
{{- define "django-probe.checkArgs" -}}
{{- $key := .key -}}
{{- $values := dict "--gate" "gate.name or cronJob.gate" "--deadline" (printf "%s.deadlineSeconds" $key) "--shard" "gate.shards" "--policy" "policy" -}}
{{- range .args -}}
{{- $option := . | splitList "=" | first -}}
{{- with get $values $option -}}
{{- fail (printf "%s.args: %s is set by the chart; use the value %s" $key $option .) -}}
{{- end -}}
{{- if has $option (list "--list" "--help" "-h" "--version") -}}
{{- fail (printf "%s.args: with %s the command runs nothing and exits 0, so that the gate would always open; take it out" $key $option) -}}
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
{{- range list "hook-succeeded" "hook-failed" -}}
{{- if and (has . $.Values.gate.hook.deletePolicy) (eq $.Values.gate.hook.style "helm") -}}
{{- fail (printf "gate.hook.deletePolicy: %s deletes the gate's Job with its log and its report, so that nobody could tell it from one that was deleted while it ran; take it out (ttlSecondsAfterFinished collects the Job)" .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "django-probe.checkWeb" -}}
{{- with .Values.web.autoscaling -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "web.autoscaling.minReplicas: %d is more than maxReplicas %d; make it less" (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if and .enabled (not (dig "requests" "cpu" "" $.Values.web.resources)) -}}
{{- fail "web.autoscaling: the load is told as a part of the CPU that is requested, and web.resources.requests has no cpu; set it" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.command (not .Values.web.command) -}}
{{- fail "web.command: `command` means an image of your own, and nothing says how its server starts; set web.command, or web.enabled to false" -}}
{{- end -}}
{{- if and (not .Values.web.command) (ne .Values.kubelet.urlPrefix "/probe/") -}}
{{- fail (printf "kubelet.urlPrefix: the image's own server answers under /probe/ alone, not under %s; leave it, or set web.command" .Values.kubelet.urlPrefix) -}}
{{- end -}}
{{- if and (not .Values.web.command) (ne (int .Values.web.containerPort) 8000) -}}
{{- fail (printf "web.containerPort: the image's own server listens on 8000, not on %d; leave it (servicePort is what others see), or set web.command" (int .Values.web.containerPort)) -}}
{{- end -}}
{{- $port := toString .Values.kubelet.port -}}
{{- if and (not .Values.web.command) (not (has $port (list "http" "8000"))) -}}
{{- fail (printf "kubelet.port: the image's own server listens on 8000, which is named http, not on %s; leave it, or set web.command" $port) -}}
{{- end -}}
{{- end }}

{{/* A gate that does not run them would open all the same. */}}
{{- define "django-probe.checkProbes" -}}
{{- if .Values.command -}}
{{- fail "probes: `command` means an image of your own, which does not read PROBE_PATH, so that the gate would open without them; put them into the apps of that image, or leave command unset" -}}
{{- end -}}
{{- end }}

{{/* A policy that no run could read would be noticed in the pods alone, after the release is applied. */}}
{{- define "django-probe.checkPolicy" -}}
{{- range $name, $gate := .Values.policy.gates -}}
{{- $wrong := eq $name "ready" | ternary (list "parallel" "deadline" "retries" "retry_delay" "failfast" "isolation" "database_access" "require" "notify") (list "every" "max_age") -}}
{{- range $key := $wrong -}}
{{- if hasKey ($gate | default dict) $key -}}
{{- fail (printf "policy.gates.%s.%s: %s; take it out" $name $key (eq $name "ready" | ternary "the gate \"ready\" is kept by a thread of each web process, which cannot honour this key" "only the gate \"ready\" is kept by a web process")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The image's own server and its settings, which know PROBE_HISTORY_DATABASE_URL; a team's image has its own. */}}
{{- define "django-probe.checkHistory" -}}
{{- $names := list -}}
{{- range .Values.env }}{{ $names = append $names .name }}{{ end -}}
{{- $history := .Values.history -}}
{{- if and $history.enabled (not .Values.command) -}}
{{- if and (not $history.databaseSecret.name) (not (has "PROBE_HISTORY_DATABASE_URL" $names)) -}}
{{- fail "history.databaseSecret.name: nothing says where the history is kept; name a Secret that has the URL of a database of its own" -}}
{{- end -}}
{{- $scaling := .Values.web.autoscaling -}}
{{- $key := $scaling.enabled | ternary "web.autoscaling.maxReplicas" "web.replicas" -}}
{{- $servers := $scaling.enabled | ternary $scaling.maxReplicas .Values.web.replicas | int -}}
{{- if and .Values.web.enabled (not .Values.web.command) (gt $servers 1) (not .Values.existingSecret) (not .Values.envFrom) (not (has "SECRET_KEY" $names)) -}}
{{- fail (printf "%s: %d servers would not know who logged in to another one of them: give all the same SECRET_KEY, in existingSecret, envFrom or env; or set %s to 1" $key $servers $key) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A team's own server is asked where `serviceMonitor.matchLabels` or `web.command` says so. */}}
{{- define "django-probe.checkMonitoring" -}}
{{- $own := and .Values.web.enabled (not .Values.web.command) (not .Values.serviceMonitor.matchLabels) -}}
{{- range $key := list "serviceMonitor" "prometheusRule" -}}
{{- if and $own (get $.Values $key).enabled (not $.Values.history.enabled) -}}
{{- fail (printf "%s.enabled: the metrics are told from the history, and this release has none; set history.enabled" $key) -}}
{{- end -}}
{{- end -}}
{{- if and $own .Values.serviceMonitor.enabled (not .Values.serviceMonitor.tokenSecret.name) -}}
{{- fail "serviceMonitor.tokenSecret.name: the metrics are for those with a token; name a Secret with one of those in history.tokensSecret, without its view:" -}}
{{- end -}}
{{- end }}
