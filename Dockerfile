# The daemon in a container:
#   docker build -t veracore-sync .
#   docker run --env-file veracore-sync.env --read-only --cap-drop ALL --stop-timeout 40 \
#     -p 127.0.0.1:8080:8080 veracore-sync
# Other commands work the same: docker run --rm --env-file veracore-sync.env veracore-sync check
# VeraCore's stand-in, to rehearse with: docker build --target sandbox -t veracore-sandbox .
# With Postgres beside it: compose.yaml. What proves these steps: scripts/prove-dockerfile.

FROM rust:1.95-bookworm AS build
WORKDIR /src
# The dependencies alone, with nothing of ours to compile: this layer lasts until Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src/bin \
    && touch src/lib.rs \
    && echo 'fn main() {}' | tee build.rs src/main.rs > src/bin/veracore-sandbox.rs \
    && cargo build --release --locked --bin veracore-sync
COPY . .
# Queries were checked against the migrations before (.sqlx): no database is needed here.
ENV SQLX_OFFLINE=true
# Files from the context may be older than what was made of their stand-ins, and Cargo goes by time.
RUN find build.rs src -type f -exec touch {} + \
    && cargo build --release --locked --bin veracore-sync

FROM build AS build-sandbox
RUN cargo build --release --locked --features sandbox --bin veracore-sandbox

# Built only with --target sandbox.
FROM debian:bookworm-slim AS sandbox
LABEL org.opencontainers.image.title="veracore-sandbox" \
    org.opencontainers.image.description="A stand-in for VeraCore, in memory, to rehearse veracore-sync with" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build-sandbox /src/target/release/veracore-sandbox /usr/local/bin/veracore-sandbox
USER 10001:10001
EXPOSE 8090
ENTRYPOINT ["veracore-sandbox"]
CMD ["--listen", "0.0.0.0:8090"]

# Debian's smallest, since the program needs its C library and people need a shell to look around
# with. Nothing is installed: the certificates that HTTPS is checked against come from the build.
FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="veracore-sync" \
    org.opencontainers.image.description="Carries paid orders from a Vendure shop to a VeraCore warehouse, and stock and tracking back" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/veracore-sync /usr/local/bin/veracore-sync
# By number, so that Kubernetes' runAsNonRoot can see it. Nothing is written to the file system.
USER 10001:10001
# Within the container; what is reachable from outside is said with -p.
ENV HTTP_LISTEN=0.0.0.0:8080 LOG_FORMAT=json
EXPOSE 8080
# The program asks itself; there is no curl. GET /readyz tells about the database, too.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["veracore-sync", "healthcheck"]
# Work in flight is finished, which takes 30 s at most: docker's own 10 s are too few.
STOPSIGNAL SIGTERM
ENTRYPOINT ["veracore-sync"]
CMD ["run"]
