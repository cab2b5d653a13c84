{{/* What the schema cannot see: values that contradict each other or the cluster. */}}
{{- define "symbolon.check" -}}
{{- $_ := required "A valid .Values.azureTenantID entry required!" .Values.azureTenantID -}}
{{- if regexMatch "azure/workload-identity/webhook$" .Values.image.repository -}}
{{- fail (printf "image.repository: %s is upstream's image. Leave image.repository and image.release out of the values that you take over, or name an image of Symbolon's" .Values.image.repository) -}}
{{- end -}}
{{- if hasKey (.Values.podLabels | default dict) "azure.workload.identity/use" -}}
{{- fail "podLabels: the webhook's own pods cannot ask for an identity, they would wait for themselves: take azure.workload.identity/use out" -}}
{{- end -}}
{{- $suffix := .Values.customTokenEndpoint.annotationSuffix -}}
{{- $audience := .Values.customTokenEndpoint.audience -}}
{{- if and $audience (not $suffix) -}}
{{- fail "customTokenEndpoint: custom token endpoint annotation suffix cannot be empty when audience is set" -}}
{{- else if and $suffix (not $audience) -}}
{{- fail "customTokenEndpoint: custom token endpoint audience cannot be empty when annotation suffix is set" -}}
{{- end -}}
{{- if eq .Values.certificates.source "secret" -}}
{{- $_ := required "certificates.secretName: with source `secret`, the name of a secret of type kubernetes.io/tls is needed" .Values.certificates.secretName -}}
{{- $_ := required "certificates.caBundle: with source `secret`, the CA that signed the certificate is needed, in PEM form" .Values.certificates.caBundle -}}
{{- end -}}
{{- if and (or .Values.metricsService.enabled .Values.serviceMonitor.enabled) (not (include "symbolon.metricsPort" .)) -}}
{{- fail "metricsAddr: there are no metrics at 0 for the metrics Service and the ServiceMonitor" -}}
{{- end -}}
{{- if ne .Values.mode "webhook" -}}
{{- if not (semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "mode: %s needs Kubernetes 1.36, which evaluates mutating policies itself; this is %s (helm template assumes a version: say --kube-version)" .Values.mode .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if eq (toString .Values.controller.enabled) "false" -}}
{{- fail (printf "controller.enabled: mode %s needs the controller, which keeps what the policy reads" .Values.mode) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.controller.heal "evict") (not (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version)) -}}
{{- fail (printf "controller.heal: evict needs Kubernetes 1.30, whose admission policies keep the controller from creating pods; this is %s" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if eq .Values.mode "policy" -}}
{{- if or .Values.objectSelector .Values.matchConditions -}}
{{- fail "mode: policy has no webhook that objectSelector and matchConditions could be for: `selector`, excludedNamespaces and mutatingWebhookNamespaceSelector hold for the policy too" -}}
{{- end -}}
{{- if or .Values.aws.enabled .Values.gcp.enabled -}}
{{- fail "mode: policy injects for Azure alone; aws and gcp need the webhook (mode: both)" -}}
{{- end -}}
{{- end -}}
{{- end -}}
