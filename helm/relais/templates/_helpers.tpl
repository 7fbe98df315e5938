{{- define "relais.name" -}}
{{ printf "%s-relais" .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}

{{- define "relais.selector" -}}
app.kubernetes.io/name: relais
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "relais.labels" -}}
{{ include "relais.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | quote }}
{{- end -}}

{{- define "relais.image" -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end -}}
{{- end -}}

{{- define "relais.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "relais.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* A number of the values is a floating point number to the template engine: written as it is, 10737418240 would become 1.073741824e+10. */ -}}
{{- define "relais.settings" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ if kindIs "float64" $value }}{{ $value | int64 | quote }}{{ else }}{{ $value | quote }}{{ end }}
{{- end }}
{{- end -}}

{{- define "relais.environment" -}}
{{- $own := index .root.Values .role -}}
- name: RELAIS_ROLES
  value: {{ .role }}
- name: RELAIS_PUBLIC_URL
  value: {{ required "publicUrl is the https address of this Relais" .root.Values.publicUrl | quote }}
- name: RELAIS_DATA_DIR
  value: /var/lib/relais
- name: RELAIS_HOST
  value: 0.0.0.0
- name: RELAIS_PORT
  value: "8080"
- name: RELAIS_METRICS_HOST
  value: 0.0.0.0
- name: RELAIS_METRICS_PORT
  value: "9464"
- name: RELAIS_SANDBOX
  value: "off"
{{- range $name := $own.secret.keys }}
- name: {{ printf "%s_FILE" $name }}
  value: {{ printf "/run/relais/%s" $name }}
{{- end }}
{{- if .root.Values.mailbox.existingClaim }}
- name: RELAIS_MAILBOX_DIR
  value: /var/lib/mailbox
{{- end }}
{{- if .root.Values.mail.server }}
- name: RELAIS_MAIL_FROM
  value: {{ .root.Values.mail.from | quote }}
{{- if not (has "RELAIS_SMTP_URL" $own.secret.keys) }}
- name: RELAIS_SMTP_URL
  value: {{ .root.Values.mail.server | quote }}
{{- end }}
{{- end }}
{{- include "relais.settings" .root.Values.settings }}
{{- include "relais.settings" $own.settings }}
{{- end -}}

{{- define "relais.mounts" -}}
- name: data
  mountPath: /var/lib/relais
- name: tmp
  mountPath: /tmp
- name: secrets
  mountPath: /run/relais
  readOnly: true
{{- if ne .role "sweeper" }}
- name: keys-own
  mountPath: {{ printf "/var/lib/relais/keys/%s" .role }}
- name: keys-public
  mountPath: /var/lib/relais/keys/public
{{- end }}
{{- if .root.Values.mailbox.existingClaim }}
- name: mailbox
  mountPath: /var/lib/mailbox
{{- end }}
{{- if .root.Values.files }}
- name: files
  mountPath: /etc/relais
  readOnly: true
{{- end }}
{{- end -}}

{{- define "relais.volumes" -}}
{{- $own := index .root.Values .role -}}
- name: data
  emptyDir: { sizeLimit: 64Mi }
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
- name: secrets
  secret:
    secretName: {{ $own.secret.name | quote }}
    defaultMode: 288
    items:
{{- range $name := $own.secret.keys }}
      - { key: {{ $name }}, path: {{ $name }} }
{{- end }}
{{- if ne .role "sweeper" }}
- name: keys-own
  persistentVolumeClaim:
    claimName: {{ include "relais.claim" (dict "root" .root "name" .role) | quote }}
- name: keys-public
  persistentVolumeClaim:
    claimName: {{ include "relais.claim" (dict "root" .root "name" "public") | quote }}
{{- end }}
{{- if .root.Values.mailbox.existingClaim }}
- name: mailbox
  persistentVolumeClaim:
    claimName: {{ .root.Values.mailbox.existingClaim | quote }}
{{- end }}
{{- if .root.Values.files }}
- name: files
  configMap:
    name: {{ include "relais.name" .root }}-files
{{- end }}
{{- end -}}

{{- define "relais.claim" -}}
{{- $own := index .root.Values.keys .name -}}
{{ $own.existingClaim | default (printf "%s-keys-%s" (include "relais.name" .root) .name) }}
{{- end -}}

{{- define "relais.placing" -}}
{{- if .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range $name := .root.Values.image.pullSecrets }}
  - name: {{ $name | quote }}
{{- end }}
{{- end }}
{{- if .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml .root.Values.nodeSelector | nindent 2 }}
{{- end }}
{{- if .root.Values.tolerations }}
tolerations:
  {{- toYaml .root.Values.tolerations | nindent 2 }}
{{- end }}
{{- if .root.Values.priorityClassName }}
priorityClassName: {{ .root.Values.priorityClassName | quote }}
{{- end }}
{{- end -}}

{{- /* One deployment for each role: the same program, another role, and only that role's secret and keys. */ -}}
{{- define "relais.deployment" -}}
{{- $own := index .root.Values .role -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "relais.name" .root }}-{{ .role }}
  labels:
    {{- include "relais.labels" . | nindent 4 }}
spec:
{{- if not .isScaled }}
  replicas: {{ $own.replicas | int64 }}
{{- end }}
  selector:
    matchLabels:
      {{- include "relais.selector" . | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  template:
    metadata:
      labels:
        {{- include "relais.labels" . | nindent 8 }}
      annotations:
        relais/files: {{ toYaml .root.Values.files | sha256sum }}
{{- range $name, $value := .root.Values.podAnnotations }}
        {{ $name }}: {{ $value | quote }}
{{- end }}
    spec:
      serviceAccountName: {{ include "relais.name" .root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $own.terminationGracePeriodSeconds | int64 }}
      securityContext:
        {{- include "relais.podSecurity" . | nindent 8 }}
      {{- include "relais.placing" . | nindent 6 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "relais.selector" . | nindent 14 }}
      containers:
        - name: {{ .role }}
          image: {{ include "relais.image" .root | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [node]
          args: [--max-semi-space-size=2, --heap-growing-percent=40, src/main.ts]
          env:
            {{- include "relais.environment" . | nindent 12 }}
          ports:
{{- if eq .role "web" }}
            - { name: http, containerPort: 8080, protocol: TCP }
{{- end }}
            - { name: metrics, containerPort: 9464, protocol: TCP }
          startupProbe:
            httpGet: { path: /livez, port: metrics }
            periodSeconds: 5
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /livez, port: metrics }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: metrics }
            periodSeconds: 5
            timeoutSeconds: 4
            failureThreshold: 3
{{- if eq .role "web" }}
          # Until no proxy sends anything new.
          lifecycle:
            preStop:
              sleep: { seconds: 5 }
{{- end }}
          resources:
            {{- toYaml $own.resources | nindent 12 }}
          securityContext:
            {{- include "relais.containerSecurity" . | nindent 12 }}
          volumeMounts:
            {{- include "relais.mounts" . | nindent 12 }}
      volumes:
        {{- include "relais.volumes" . | nindent 8 }}
{{- end -}}

{{- define "relais.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "relais.name" .root }}-{{ .role }}
  labels:
    {{- include "relais.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "relais.selector" . | nindent 6 }}
{{- end -}}
