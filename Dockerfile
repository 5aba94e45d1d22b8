# From Debian slim to an image that holds Sluice, the libraries it is linked to, certificates and time zones, and no shell.
#
#   docker build --build-arg SLUICE_COMMIT="$(git rev-parse --short=12 HEAD)" -t sluice .
#
# The same file makes amd64 and arm64: what is built is what the machine (or its emulation, --platform) is.

# Debian slim with Rust in /usr/local/cargo. Another one, or this one by its digest: --build-arg BASE=…
# Debian 12's C library is what the binary asks for, so that it runs outside of the image on Debian 12 and later, too.
ARG BASE=rust:1.95-slim-bookworm

FROM ${BASE} AS build
# Node makes the browser code half as large (wasm-opt); the compiler is for SQLite and ring.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates gcc libc6-dev nodejs npm tzdata \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .

ARG SLUICE_VERSION=0.1.0
ARG SLUICE_COMMIT=
# Fewer at a time where memory is short: --build-arg CARGO_BUILD_JOBS=1.
ARG CARGO_BUILD_JOBS=
# `fetch --locked` fails where Cargo.lock does not fit; what comes after takes what it fetched.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    set -eu; \
    export SLUICE_COMMIT CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never; \
    if [ -n "$CARGO_BUILD_JOBS" ]; then export CARGO_BUILD_JOBS; else unset CARGO_BUILD_JOBS; fi; \
    grep -qx "version = \"$SLUICE_VERSION\"" Cargo.toml; \
    cargo fetch --locked; \
    cargo xtask build; \
    mkdir /out; \
    cargo xtask sbom --output /out/sbom.cdx.json; \
    cp target/release/sluice /out/

# The root of the image: the binary, what `ldd` says it needs, and the few files that a C library and TLS look for.
RUN set -eu; \
    mkdir -p /root-of-image; cd /root-of-image; \
    mkdir -p data/backups etc/ssl/certs tmp usr/bin usr/share/doc/sluice usr/share/zoneinfo; \
    chmod 1777 tmp; \
    cp /out/sluice usr/bin/; \
    ldd /out/sluice | grep -o '/[^ ]*' | sort -u | xargs cp --parents --dereference -t .; \
    cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/; \
    cp -a /usr/share/zoneinfo/. usr/share/zoneinfo/; \
    rm -rf usr/share/zoneinfo/right usr/share/zoneinfo/posix; \
    cp /src/LICENSE /out/sbom.cdx.json usr/share/doc/sluice/; \
    echo 'sluice:x:10001:10001:Sluice:/data:/nonexistent' > etc/passwd; \
    echo 'sluice:x:10001:' > etc/group; \
    echo 'hosts: files dns' > etc/nsswitch.conf

FROM scratch
ARG SLUICE_VERSION=0.1.0
ARG SLUICE_COMMIT=
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="Web console for MailChannels Inbound" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${SLUICE_VERSION}" \
      org.opencontainers.image.revision="${SLUICE_COMMIT}"
COPY --from=build /root-of-image/ /
COPY --from=build --chown=10001:10001 /root-of-image/data/ /data/
# The C library keeps free memory for each of many threads; two heaps are enough for this program, and a third smaller.
ENV PATH=/usr/bin \
    MALLOC_ARENA_MAX=2 \
    SLUICE_LISTEN=0.0.0.0:3000 \
    SLUICE_DATABASE=/data/sluice.sqlite3
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s --retries=3 CMD ["sluice", "healthcheck"]
ENTRYPOINT ["sluice"]
CMD ["serve"]
