{{/* Fields of a pod that both components have. Call with (list . "webhook"). */}}
{{- define "symbolon.pod" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- if $root.Values.topologySpreadConstraints }}
  {{- toYaml $root.Values.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "symbolon.selector" (list $root $component) | nindent 8 }}
    # Each rollout by itself.
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- with $root.Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Labels of a pod; what it is found by cannot be overridden. */}}
{{- define "symbolon.podLabels" -}}
{{- $root := index . 0 -}}
{{- $own := include "symbolon.selector" . | fromYaml -}}
{{- if eq (index . 1) "webhook" -}}
{{- $own = merge $own (include "symbolon.webhookSelector" $root | fromYaml) -}}
{{- end -}}
{{- merge $own (deepCopy ($root.Values.podLabels | default dict)) | toYaml -}}
{{- end -}}

{{/* Call with the name of the port. */}}
{{- define "symbolon.probes" -}}
livenessProbe:
  httpGet: { path: /healthz, port: {{ . }} }
  initialDelaySeconds: 15
  periodSeconds: 20
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: {{ . }} }
  periodSeconds: 5
{{- end -}}

{{/* Where and what a pod is. */}}
{{- define "symbolon.podEnv" -}}
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{- end -}}

{{/* What the webhook reads of its environment, without what extraEnv says otherwise: a name may stand there once. */}}
{{- define "symbolon.webhookEnv" -}}
{{- $env := list
  (list "AZURE_TENANT_ID" .Values.azureTenantID)
  (list "AZURE_ENVIRONMENT" .Values.azureEnvironment)
  (list "PROXY_IMAGE" .Values.proxy.image)
  (list "PROXY_INIT_IMAGE" .Values.proxy.initImage)
  (list "AZURE_KUBERNETES_TOKEN_PROXY" .Values.customTokenEndpoint.azureKubernetesTokenProxy)
  (list "AZURE_KUBERNETES_SNI_NAME" .Values.customTokenEndpoint.azureKubernetesSniName)
  (list "AZURE_KUBERNETES_CA_DATA" .Values.customTokenEndpoint.azureKubernetesCaData)
  (list "AZURE_KUBERNETES_CA_CONFIGMAP_NAME" .Values.customTokenEndpoint.azureKubernetesCAConfigMapName)
  (list "AZURE_KUBERNETES_CA_CTB_SIGNER_NAME" .Values.customTokenEndpoint.azureKubernetesCACTBSignerName)
  (list "AZURE_KUBERNETES_CA_CTB_LABEL_SELECTOR" .Values.customTokenEndpoint.azureKubernetesCACTBLabelSelector)
-}}
{{- $extra := dict "" true -}}
{{- range .Values.extraEnv -}}
{{- $_ := set $extra .name true -}}
{{- end -}}
{{- range $env -}}
{{- if and (index . 1) (not (hasKey $extra (index . 0))) }}
- name: {{ index . 0 }}
  value: {{ index . 1 | toString | quote }}
{{- end -}}
{{- end -}}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{/* The lease by which replicas agree on one that writes. Call with its name. */}}
{{- define "symbolon.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ . }}]
  verbs: [get, update]
# A create cannot be limited to a name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
{{- end -}}
