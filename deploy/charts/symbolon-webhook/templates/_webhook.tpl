{{/* What every entry of the configuration has. */}}
{{- define "symbolon.webhook" -}}
{{- $names := include "symbolon.names" . | fromYaml -}}
admissionReviewVersions: [v1, v1beta1]
clientConfig:
  service:
    name: {{ $names.service }}
    namespace: {{ .Release.Namespace }}
    port: {{ .Values.service.port }}
    path: /mutate-v1-pod
  {{- if eq .Values.certificates.source "secret" }}
  caBundle: {{ .Values.certificates.caBundle | b64enc }}
  {{- end }}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE]
    resources: [pods]
    scope: Namespaced
namespaceSelector:
  {{- include "symbolon.namespaceSelector" . | nindent 2 }}
{{- if or (include "symbolon.hasPolicy" .) .Values.matchConditions }}
matchConditions:
  {{- if include "symbolon.hasPolicy" . }}
  # What the policy has done needs no webhook, and none that answers.
  - name: is-not-injected
    expression: >-
      !object.spec.?volumes.orValue([]).exists(volume,
      volume.?projected.?sources.orValue([]).exists(source,
      source.?serviceAccountToken.path.orValue('').endsWith('azure-identity-token')))
  {{- end }}
  {{- with .Values.matchConditions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
timeoutSeconds: {{ .Values.timeoutSeconds }}
matchPolicy: Equivalent
reinvocationPolicy: IfNeeded
sideEffects: None
{{- end -}}
