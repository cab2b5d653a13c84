{{/* What every entry of the configuration has. Call as for namespaceSelector. */}}
{{- define "symbolon.webhook" -}}
{{- $root := index . 0 -}}
{{- $names := include "symbolon.names" $root | fromYaml -}}
admissionReviewVersions: [v1, v1beta1]
clientConfig:
  service:
    name: {{ $names.service }}
    namespace: {{ $root.Release.Namespace }}
    port: {{ $root.Values.service.port }}
    path: /mutate-v1-pod
  {{- if eq $root.Values.certificates.source "secret" }}
  caBundle: {{ $root.Values.certificates.caBundle | b64enc }}
  {{- end }}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE]
    resources: [pods]
    scope: Namespaced
namespaceSelector:
  {{- include "symbolon.namespaceSelector" . | nindent 2 }}
{{- $conditional := and (include "symbolon.hasPolicy" $root) (or (index . 1) (not (include "symbolon.byLabel" $root))) }}
{{- if or $conditional $root.Values.matchConditions }}
matchConditions:
  {{- if $conditional }}
  # What the policy has done needs no webhook, and none that answers. A proxy sidecar it cannot inject.
  - name: is-left-to-the-webhook
    expression: |-
      'azure.workload.identity/inject-proxy-sidecar' in object.metadata.?annotations.orValue({})
      || !object.spec.?volumes.orValue([]).exists(volume, volume.?projected.?sources.orValue(null) != null
        && volume.projected.sources.exists(source,
          source.?serviceAccountToken.path.orValue('') in ['token/azure-identity-token', 'azure-identity-token']))
  {{- end }}
  {{- with $root.Values.matchConditions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
timeoutSeconds: {{ $root.Values.timeoutSeconds }}
matchPolicy: Equivalent
reinvocationPolicy: IfNeeded
sideEffects: None
{{- end -}}
