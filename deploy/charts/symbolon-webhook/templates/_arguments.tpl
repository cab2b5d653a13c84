{{/* Each argument as an element of a YAML list, quoted: values are text, whatever they look like. */}}

{{- define "symbolon.injectionArguments" -}}
- --log-level={{ .Values.logLevel }}
- --health-addr=:{{ .Values.healthPort }}
- {{ printf "--metrics-addr=%s" .Values.metricsAddr | quote }}
- --selector={{ .Values.selector }}
{{- end -}}

{{- define "symbolon.webhookArguments" -}}
- webhook
- --listen=:{{ .Values.service.targetPort }}
{{ include "symbolon.injectionArguments" . }}
- --metrics-backend={{ .Values.metricsBackend }}
- --tls-min-version={{ .Values.tlsMinVersion }}
- --layout={{ .Values.layout }}
{{- with .Values.audience }}
- {{ printf "--audience=%s" . | quote }}
{{- end }}
{{- with .Values.authorityHost }}
- {{ printf "--authority-host=%s" . | quote }}
{{- end }}
{{- with .Values.trustConfigMap.name }}
- --trust-configmap={{ . }}
{{- end }}
{{- with .Values.customTokenEndpoint.annotationSuffix }}
- {{ printf "--custom-token-endpoint-annotation-suffix=%s" . | quote }}
{{- end }}
{{- with .Values.customTokenEndpoint.audience }}
- {{ printf "--custom-token-endpoint-audience=%s" . | quote }}
{{- end }}
{{- end -}}

{{- define "symbolon.controllerArguments" -}}
- controller
{{ include "symbolon.injectionArguments" . }}
- --heal={{ .Values.controller.heal }}
{{- if include "symbolon.hasPolicy" . }}
- --config-map={{ .Values.policy.configMap }}
{{- end }}
{{- end -}}
