{{/* Each argument as an element of a YAML list; what a user chose is quoted, whatever it looks like. */}}

{{- define "symbolon.commonArguments" -}}
- --log-level={{ .Values.logLevel }}
- --health-addr=:{{ .Values.healthPort }}
- --selector={{ .Values.selector }}
{{- end -}}

{{- define "symbolon.webhookArguments" -}}
{{- $names := include "symbolon.names" . | fromYaml -}}
- webhook
- --listen=:{{ .Values.service.targetPort }}
{{ include "symbolon.commonArguments" . }}
- {{ printf "--metrics-addr=%s" .Values.metricsAddr | quote }}
- --metrics-backend={{ .Values.metricsBackend }}
- --tls-min-version={{ .Values.tlsMinVersion }}
{{- if eq .Values.certificates.source "self" }}
- --service-name={{ $names.service }}
- --secret-name={{ $names.secret }}
- --webhook-configuration-name={{ $names.configuration }}
- --lease-name={{ $names.lease }}
{{- else }}
- --disable-cert-rotation=true
{{- end }}
- --layout={{ .Values.layout }}
{{- $set := list
  (list "audience" .Values.audience)
  (list "authority-host" .Values.authorityHost)
  (list "trust-configmap" (.Values.trustConfigMap.name | empty | ternary "" (printf "%s/%s" .Values.trustConfigMap.name .Values.trustConfigMap.key)))
  (list "custom-token-endpoint-annotation-suffix" .Values.customTokenEndpoint.annotationSuffix)
  (list "custom-token-endpoint-audience" .Values.customTokenEndpoint.audience)
  (list "proxy-resources" .Values.proxy.resources)
  (list "proxy-init-resources" .Values.proxy.initResources)
  (list "proxy-seccomp-profile" .Values.proxy.seccompProfile)
-}}
{{- if .Values.aws.enabled -}}
{{- $set = concat $set (list
  (list "aws" true)
  (list "aws-audience" .Values.aws.audience)
  (list "aws-region" .Values.aws.region)
  (list "aws-sts-regional-endpoints" .Values.aws.regionalSts)
  (list "aws-token-expiration" (int .Values.aws.tokenExpiration))
) -}}
{{- end -}}
{{- if .Values.gcp.enabled -}}
{{- $set = concat $set (list
  (list "gcp" true)
  (list "gcp-workload-identity-provider" .Values.gcp.workloadIdentityProvider)
  (list "gcp-audience" .Values.gcp.audience)
  (list "gcp-token-expiration" (int .Values.gcp.tokenExpiration))
) -}}
{{- end -}}
{{- range $set -}}
{{- include "symbolon.argument" . -}}
{{- end -}}
{{- end -}}

{{/* One flag with its value, as JSON where that is an object; nothing where there is none. */}}
{{- define "symbolon.argument" -}}
{{- $flag := index . 0 -}}
{{- with index . 1 }}
{{- if kindIs "bool" . }}
- --{{ $flag }}
{{- else if kindIs "map" . }}
- {{ printf "--%s=%s" $flag (toJson .) | squote }}
{{- else }}
- {{ printf "--%s=%v" $flag . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "symbolon.controllerArguments" -}}
- controller
{{ include "symbolon.commonArguments" . }}
- --lease-name={{ (include "symbolon.names" . | fromYaml).controller }}
{{- if include "symbolon.hasPolicy" . }}
- --config-map={{ .Values.policy.configMap }}
{{- else }}
- --no-config-maps
{{- end }}
{{- /* Unset, it would leave kube-system alone. */}}
{{- range include "symbolon.excludedNamespaces" (list . (not (empty (include "symbolon.byLabel" .)))) | fromJsonArray | default (list "") }}
- --exclude-namespace={{ . }}
{{- end }}
- --heal={{ include "symbolon.heal" . }}
{{- end -}}
