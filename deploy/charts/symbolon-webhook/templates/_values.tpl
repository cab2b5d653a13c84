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
{{- else if or (include "symbolon.hasPolicy" .) (not (has .Values.controller.heal (list "" "off"))) -}}true
{{- end -}}
{{- end -}}

{{- define "symbolon.heal" -}}
{{- default (ternary "report" "off" (eq (include "symbolon.hasController" .) "true")) .Values.controller.heal -}}
{{- end -}}

{{- define "symbolon.byLabel" -}}
{{- if eq .Values.selector "pod-label" -}}true{{- end -}}
{{- end -}}

{{/* Whether pods without the label are sent too: other clouds know no such label. */}}
{{- define "symbolon.seesEveryPod" -}}
{{- if or (not (include "symbolon.byLabel" .)) .Values.aws.enabled .Values.gcp.enabled -}}true{{- end -}}
{{- end -}}

{{/* Call with (list . true) for pods that ask by their label, with (list . false) for all others. */}}
{{- define "symbolon.failurePolicy" -}}
{{- default (ternary "Fail" "Ignore" (index . 1)) (index . 0).Values.failurePolicy -}}
{{- end -}}

{{- define "symbolon.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.release | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "symbolon.metricsPort" -}}
{{- regexFind ":[0-9]+$" .Values.metricsAddr | trimPrefix ":" -}}
{{- end -}}

{{/*
Namespaces whose pods are left alone, as JSON. Without a label every pod of the cluster would wait for
the webhook, also those without which it cannot start.
*/}}
{{- define "symbolon.excludedNamespaces" -}}
{{- $root := index . 0 -}}
{{- if kindIs "slice" $root.Values.excludedNamespaces -}}
{{- $root.Values.excludedNamespaces | toJson -}}
{{- else if index . 1 -}}
[]
{{- else -}}
{{- list "kube-system" "kube-node-lease" $root.Release.Namespace | uniq | toJson -}}
{{- end -}}
{{- end -}}

{{/* Call with (list . true) for pods that ask by their label, with (list . false) for all others. */}}
{{- define "symbolon.namespaceSelector" -}}
{{- $root := index . 0 -}}
{{- $selector := deepCopy ($root.Values.mutatingWebhookNamespaceSelector | default dict) -}}
{{- with include "symbolon.excludedNamespaces" . | fromJsonArray -}}
{{- $exclusion := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" . -}}
{{- $_ := set $selector "matchExpressions" (append ($selector.matchExpressions | default list) $exclusion) -}}
{{- end -}}
{{- $selector | toYaml -}}
{{- end -}}

{{- define "symbolon.objectSelector" -}}
{{- if .Values.objectSelector -}}
{{- .Values.objectSelector | toYaml -}}
{{- else if include "symbolon.byLabel" . -}}
matchLabels:
  azure.workload.identity/use: "true"
{{- else -}}
{{- include "symbolon.otherPods" . -}}
{{- end -}}
{{- end -}}

{{/* Every pod, but those that another entry sends in any case. */}}
{{- define "symbolon.otherPods" -}}
matchExpressions:
  # Not the webhook's own pods: they would wait for themselves.
  - key: app.kubernetes.io/name
    operator: NotIn
    values: [{{ include "symbolon.name" . }}]
  {{- if and (include "symbolon.byLabel" .) (not (include "symbolon.hasPolicy" .)) }}
  - key: azure.workload.identity/use
    operator: NotIn
    values: ["true"]
  {{- end }}
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

{{/* A text inside a CEL string literal: it cannot end it. */}}
{{- define "symbolon.cel" -}}
{{- toString . | replace "\\" "\\\\" | replace "'" "\\'" | replace "\n" "\\n" -}}
{{- end -}}

{{/* The label selector of a ClusterTrustBundle, which is JSON, as the members of a CEL object. */}}
{{- define "symbolon.celSelector" -}}
{{- $selector := fromJson . -}}
{{- $members := list -}}
{{- with $selector.matchLabels -}}
{{- $labels := list -}}
{{- range $name, $value := . -}}
{{- $labels = append $labels (printf "'%s': '%s'" (include "symbolon.cel" $name) (include "symbolon.cel" $value)) -}}
{{- end -}}
{{- $members = append $members (printf "matchLabels: {%s}" (join ", " $labels)) -}}
{{- end -}}
{{- with $selector.matchExpressions -}}
{{- $type := "Object.spec.volumes.projected.sources.clusterTrustBundle.labelSelector.matchExpressions" -}}
{{- $expressions := list -}}
{{- range . -}}
{{- $values := list -}}
{{- range .values -}}
{{- $values = append $values (printf "'%s'" (include "symbolon.cel" .)) -}}
{{- end -}}
{{- $values = $values | empty | ternary "" (printf ", values: [%s]" (join ", " $values)) -}}
{{- $expressions = append $expressions (printf "%s{key: '%s', operator: '%s'%s}" $type (include "symbolon.cel" .key) (include "symbolon.cel" .operator) $values) -}}
{{- end -}}
{{- $members = append $members (printf "matchExpressions: [%s]" (join ", " $expressions)) -}}
{{- end -}}
{{- printf "{%s}" (join ", " $members) -}}
{{- end -}}

{{/* Where the CA of a custom token endpoint comes from. */}}
{{- define "symbolon.endpointCa" -}}
{{- with .Values.customTokenEndpoint -}}
{{- if not .annotationSuffix -}}off
{{- else if .azureKubernetesCAConfigMapName -}}ca-config-map
{{- else if and .azureKubernetesCACTBSignerName .azureKubernetesCACTBLabelSelector -}}ca-bundle-selector
{{- else if .azureKubernetesCACTBSignerName -}}ca-bundle
{{- else -}}ca-data
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "symbolon.audience" -}}
{{- .Values.audience | default "api://AzureADTokenExchange" -}}
{{- end -}}

{{/* The authority's URL with a slash at its end. The webhook finds it by itself; a policy cannot. */}}
{{- define "symbolon.authorityHost" -}}
{{- if .Values.authorityHost -}}
{{ trimSuffix "/" .Values.authorityHost }}/
{{- else -}}
{{- $clouds := dict
  "azurepubliccloud" "https://login.microsoftonline.com/"
  "azurecloud" "https://login.microsoftonline.com/"
  "azureusgovernmentcloud" "https://login.microsoftonline.us/"
  "azureusgovernment" "https://login.microsoftonline.us/"
  "azurechinacloud" "https://login.chinacloudapi.cn/"
  "azuregermancloud" "https://login.microsoftonline.de/"
-}}
{{- $host := get $clouds (lower .Values.azureEnvironment) -}}
{{- required (printf "azureEnvironment: mode %s needs authorityHost for %s" .Values.mode .Values.azureEnvironment) $host -}}
{{- end -}}
{{- end -}}
