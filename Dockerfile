# syntax=docker/dockerfile:1
# One image for every role (docs/container.md). The base is named by its exact version; whoever builds pins its digest too:
#   docker build --build-arg BASE=node:24.21.0-bookworm-slim@sha256:… .
ARG BASE=node:24.21.0-bookworm-slim

FROM ${BASE} AS packages
WORKDIR /opt/relais
COPY package.json package-lock.json ./
# Without what develops Relais, without the embedded database and the sandbox's extras, and without running anybody's install script.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Relais" \
      org.opencontainers.image.description="Multi-platform interoperability broker for Self Data: register, consent, transfer, proof" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/node:24.21.0-bookworm-slim"
# Everything of the tree belongs to root and cannot be written; the process is nobody in particular, and writes into its data folder alone.
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/relais
WORKDIR /opt/relais
COPY LICENSE package.json ./
COPY --from=packages /opt/relais/node_modules ./node_modules
COPY policies ./policies
COPY adapters ./adapters
COPY src ./src
ENV NODE_ENV=production \
    RELAIS_DATA_DIR=/var/lib/relais \
    RELAIS_HOST=0.0.0.0 \
    RELAIS_PORT=8080 \
    RELAIS_METRICS_HOST=0.0.0.0 \
    RELAIS_METRICS_PORT=9464
USER 10001:10001
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.RELAIS_METRICS_PORT}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node"]
CMD ["--max-semi-space-size=2", "--heap-growing-percent=40", "src/main.ts"]
