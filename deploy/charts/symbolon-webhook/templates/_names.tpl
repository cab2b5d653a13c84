{{- define "symbolon.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name where it says enough, else both; short enough for every suffix. */}}
{{- define "symbolon.fullname" -}}
{{- $name := include "symbolon.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else if hasPrefix (printf "%s-" .Release.Name) $name -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of every object of the webhook, as YAML. */}}
{{- define "symbolon.names" -}}
{{- $name := include "symbolon.fullname" . -}}
{{- if .Values.upstreamNames -}}
deployment: azure-wi-webhook-controller-manager
service: azure-wi-webhook-webhook-service
account: azure-wi-webhook-admin
secret: azure-wi-webhook-server-cert
role: azure-wi-webhook-manager-role
roleBinding: azure-wi-webhook-manager-rolebinding
configuration: azure-wi-webhook-mutating-webhook-configuration
webhook: mutation.azure-workload-identity.io
{{- else -}}
deployment: {{ $name }}
service: {{ $name }}
account: {{ $name }}
secret: {{ $name }}-certificate
role: {{ $name }}
roleBinding: {{ $name }}
configuration: {{ $name }}
webhook: mutation.symbolon.internal
{{- end }}
lease: {{ $name }}
controller: {{ $name }}-controller
policy: {{ $name }}
{{- end -}}

{{/* Labels of every object. Call with (list . "webhook"), or "" for what belongs to no component. */}}
{{- define "symbolon.labels" -}}
{{- $root := index . 0 -}}
{{ include "symbolon.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: symbolon
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{/* What pods are found by. A Deployment's selector never changes, so neither may this. */}}
{{- define "symbolon.selector" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
app.kubernetes.io/name: {{ include "symbolon.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
{{- with $component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* The same for the webhook, whose pods upstream's Service, if it is taken over, must find too. */}}
{{- define "symbolon.webhookSelector" -}}
{{- if .Values.upstreamNames -}}
app: workload-identity-webhook
chart: workload-identity-webhook
release: {{ .Release.Name | quote }}
azure-workload-identity.io/system: "true"
{{- else -}}
{{ include "symbolon.selector" (list . "webhook") }}
{{- end -}}
{{- end -}}
