{{/*
The spec of the Job that runs the gate of `.Values.gate`. A chart that depends on this one has it by
    include "django-probe.gateJobSpec" (index .Subcharts "django-probe")
*/}}
{{- define "django-probe.gateJobSpec" -}}
{{- include "django-probe.checkGate" (dict "root" . "key" "gate.name" "gate" .Values.gate.name) -}}
{{- include "django-probe.checkJob" (dict "key" "gate" "job" .Values.gate "gate" .Values.gate) -}}
{{- $trigger := dict "helm" "helm-hook" "argocd" "argocd-hook" "none" "job" -}}
{{- $own := dict "gate" .Values.gate.name "component" "gate" "trigger" (get $trigger .Values.gate.hook.style) -}}
{{- include "django-probe.jobSpec" (dict "root" . "job" (merge $own .Values.gate)) -}}
{{- end }}

{{/* The spec of the CronJob's Jobs: the CronJob's gate and limits, and for the rest what holds for the gate's Job. */}}
{{- define "django-probe.cronJobSpec" -}}
{{- include "django-probe.checkGate" (dict "root" . "key" "cronJob.gate" "gate" .Values.cronJob.gate) -}}
{{- include "django-probe.checkJob" (dict "key" "cronJob" "job" .Values.cronJob "gate" .Values.gate) -}}
{{- $own := dict "component" "cron" "trigger" "cronjob" "shards" 1 "fault" "none" "ttlSecondsAfterFinished" nil -}}
{{- $cron := pick .Values.cronJob "gate" "labels" "args" "deadlineSeconds" "activeDeadlineSeconds" -}}
{{- $gate := pick .Values.gate "startupAllowanceSeconds" "terminationGracePeriodSeconds" "backoffLimit" -}}
{{- include "django-probe.jobSpec" (dict "root" . "job" (merge $own $cron $gate)) -}}
{{- end }}

{{- define "django-probe.jobSpec" -}}
{{- $root := .root -}}
{{- $job := .job -}}
{{- $shards := int $job.shards -}}
{{- $rehearsal := ne $job.fault "none" -}}
{{- if gt $shards 1 -}}
# Kubernetes is the engine of a suite that outgrows one machine: a pod for each shard, and every one reports.
completionMode: Indexed
completions: {{ $shards }}
parallelism: {{ $shards }}
# With backoffLimit the first shard that fails would have the others killed.
backoffLimitPerIndex: {{ int $job.backoffLimit }}
{{- else -}}
backoffLimit: {{ int $job.backoffLimit }}
{{- end }}
# Kubernetes deletes the pods that run at this moment, and their logs with them: the gate's own deadline comes first.
activeDeadlineSeconds: {{ int $job.activeDeadlineSeconds }}
{{- if not (kindIs "invalid" $job.ttlSecondsAfterFinished) }}
ttlSecondsAfterFinished: {{ int $job.ttlSecondsAfterFinished }}
{{- end }}
# A drained node is no verdict: the pod is made anew on another one.
podFailurePolicy:
  rules:
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
template:
  metadata:
    {{- include "django-probe.podMetadata" (dict "root" $root "component" $job.component "gate" $job.gate) | nindent 4 }}
  spec:
    restartPolicy: Never
    terminationGracePeriodSeconds: {{ int $job.terminationGracePeriodSeconds }}
    {{- include "django-probe.podSpec" $root | nindent 4 }}
    containers:
      - name: gate
        {{- include "django-probe.container" $root | nindent 8 }}
        {{- include "django-probe.gateCommand" . | nindent 8 }}
        {{- include "django-probe.env" (dict "root" $root "own" (include "django-probe.gateEnv" . | fromYamlArray)) | nindent 8 }}
        resources:
          {{- toYaml $root.Values.resources | nindent 10 }}
        # Counts and labels of the verdict, for `kubectl describe pod`. Where there is no verdict, the end of the log.
        terminationMessagePath: /dev/termination-log
        terminationMessagePolicy: FallbackToLogsOnError
        volumeMounts:
          {{- include "django-probe.volumeMounts" $root | nindent 10 }}
          {{- if $rehearsal }}
          - name: rehearsal
            mountPath: /etc/django-probe/rehearsal
            readOnly: true
          {{- end }}
    volumes:
      {{- include "django-probe.volumes" $root | nindent 6 }}
      {{- if $rehearsal }}
      - name: rehearsal
        configMap:
          name: {{ include "django-probe.fullname" $root }}-rehearsal
      {{- end }}
{{- end }}

{{/* What the container runs. The image's entrypoint takes `gate NAME`, a team's own command `--gate NAME`. */}}
{{- define "django-probe.gateCommand" -}}
{{- $job := .job -}}
{{- $gate := eq $job.fault "none" | ternary $job.gate "rehearsal" -}}
{{- with .root.Values.command -}}
command:
  {{- toYaml . | nindent 2 }}
{{ end -}}
args:
  - {{ .root.Values.command | empty | ternary "gate" "--gate" }}
  - {{ $gate | quote }}
  - "--deadline"
  - "{{ int $job.deadlineSeconds }}s"
  {{- if gt (int $job.shards) 1 }}
  - "--shard"
  - "$(JOB_COMPLETION_INDEX)/{{ int $job.shards }}"
  {{- end }}
  {{- range $job.args }}
  - {{ . | quote }}
  {{- end }}
  {{- if and $job.labels (eq $job.fault "none") }}
  - "--"
  {{- range $job.labels }}
  - {{ . | quote }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* What a gate's environment tells it about its run, as a YAML list. */}}
{{- define "django-probe.gateEnv" -}}
- name: PROBE_RELEASE
  value: {{ include "django-probe.release" .root | quote }}
# The Job's uid: one for all shards of a run, and another for each run.
- name: PROBE_RUN_ID
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['batch.kubernetes.io/controller-uid']
- name: PROBE_TRIGGER
  value: {{ .job.trigger }}
- name: PROBE_TERMINATION_LOG
  value: /dev/termination-log
- name: PROBE_REPORT_SINK
  value: {{ .root.Values.report.sink }}
{{- if ne .job.fault "none" }}
- name: PROBE_POLICY
  value: /etc/django-probe/rehearsal/probe.yaml
- name: PROBE_PATH
  value: /etc/django-probe/rehearsal
{{- end }}
{{- end }}
