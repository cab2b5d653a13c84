{{/* What follows from several values, each as text: "true" or nothing for a question. */}}

{{- define "symbolon.hasWebhook" -}}
{{- if ne .Values.mode "policy" -}}true{{- end -}}
{{- end -}}

{{- define "symbolon.hasPolicy" -}}
{{- if ne .Values.mode "webhook" -}}true{{- end -}}
{{- end -}}

{{- define "symbolon.hasController" -}}
{{- if kindIs "bool" .Values.controller.enabled -}}
{{- if .Values.controller.enabled -}}true{{- end -}}
{{- else if or (include "symbolon.hasPolicy" .) (ne .Values.controller.heal "off") -}}true
{{- end -}}
{{- end -}}

{{- define "symbolon.bySelector" -}}
{{- if eq .Values.selector "pod-label" -}}true{{- end -}}
{{- end -}}

{{- define "symbolon.failurePolicy" -}}
{{- default (ternary "Fail" "Ignore" (eq .Values.selector "pod-label")) .Values.failurePolicy -}}
{{- end -}}

{{- define "symbolon.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.release | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "symbolon.metricsPort" -}}
{{- regexFind "[0-9]+$" .Values.metricsAddr -}}
{{- end -}}

{{/* Namespaces whose pods are left alone, as JSON. */}}
{{- define "symbolon.excludedNamespaces" -}}
{{- if kindIs "slice" .Values.excludedNamespaces -}}
{{- .Values.excludedNamespaces | toJson -}}
{{- else if include "symbolon.bySelector" . -}}
[]
{{- else -}}
{{- list "kube-system" "kube-node-lease" .Release.Namespace | uniq | toJson -}}
{{- end -}}
{{- end -}}

{{- define "symbolon.namespaceSelector" -}}
{{- $selector := deepCopy (.Values.mutatingWebhookNamespaceSelector | default dict) -}}
{{- with include "symbolon.excludedNamespaces" . | fromJsonArray -}}
{{- $exclusion := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" . -}}
{{- $_ := set $selector "matchExpressions" (append ($selector.matchExpressions | default list) $exclusion) -}}
{{- end -}}
{{- $selector | toYaml -}}
{{- end -}}

{{- define "symbolon.objectSelector" -}}
{{- if .Values.objectSelector -}}
{{- .Values.objectSelector | toYaml -}}
{{- else if include "symbolon.bySelector" . -}}
matchLabels:
  azure.workload.identity/use: "true"
{{- else -}}
# Not the webhook's own pods: they would wait for themselves.
matchExpressions:
  - key: app.kubernetes.io/name
    operator: NotIn
    values: [{{ include "symbolon.name" . }}]
{{- end -}}
{{- end -}}

{{- define "symbolon.certificateSecret" -}}
{{- if eq .Values.certificates.source "secret" -}}
{{ .Values.certificates.secretName }}
{{- else -}}
{{ (include "symbolon.names" . | fromYaml).secret }}
{{- end -}}
{{- end -}}

{{- define "symbolon.apiServerPeers" -}}
{{- range .Values.networkPolicy.apiServerCIDRs }}
- ipBlock: { cidr: {{ . }} }
{{- end -}}
{{- end -}}
