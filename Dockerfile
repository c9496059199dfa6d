# The daemon in a container:
#   docker build -t veracore-sync .
#   docker run --env-file veracore-sync.env --read-only --cap-drop ALL --stop-timeout 40 \
#     -p 127.0.0.1:8080:8080 veracore-sync
# Other commands: docker run --rm --env-file veracore-sync.env veracore-sync check
# The VeraCore sandbox, for rehearsals: docker build --target sandbox -t veracore-sandbox .
# With Postgres: compose.yaml. scripts/prove-dockerfile tests these steps.

FROM rust:1.95-bookworm AS build
WORKDIR /src
# Only the dependencies: this layer is rebuilt only when Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src/bin \
    && touch src/lib.rs \
    && echo 'fn main() {}' | tee build.rs src/main.rs > src/bin/veracore-sandbox.rs \
    && cargo build --release --locked --bin veracore-sync
COPY . .
# .sqlx holds the checked queries, so the build needs no database.
ENV SQLX_OFFLINE=true
# Cargo compares times: the real files can be older than the artifacts of their placeholders.
RUN find build.rs src -type f -exec touch {} + \
    && cargo build --release --locked --bin veracore-sync

FROM build AS build-sandbox
RUN cargo build --release --locked --features sandbox --bin veracore-sandbox

# Built only with --target sandbox.
FROM debian:bookworm-slim AS sandbox
LABEL org.opencontainers.image.title="veracore-sandbox" \
    org.opencontainers.image.description="An in-memory stand-in for VeraCore, to rehearse veracore-sync with" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build-sandbox /src/target/release/veracore-sandbox /usr/local/bin/veracore-sandbox
USER 10001:10001
EXPOSE 8090
ENTRYPOINT ["veracore-sandbox"]
CMD ["--listen", "0.0.0.0:8090"]

# Debian's slim image: the program needs the C library, and people need a shell for debugging. Nothing
# is installed; the CA certificates come from the build stage.
FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="veracore-sync" \
    org.opencontainers.image.description="Sends paid orders from a Vendure shop to a VeraCore warehouse, and brings stock and tracking back" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/veracore-sync /usr/local/bin/veracore-sync
# Numeric, so that Kubernetes' runAsNonRoot can check it. Nothing is written to the file system.
USER 10001:10001
# Inside the container; -p decides what is reachable from outside.
ENV HTTP_LISTEN=0.0.0.0:8080 LOG_FORMAT=json
EXPOSE 8080
# The program makes the request itself; there is no curl. GET /readyz also covers the database.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["veracore-sync", "healthcheck"]
# The daemon finishes its work in progress, 30 s at most: Docker's default of 10 s is too short.
STOPSIGNAL SIGTERM
ENTRYPOINT ["veracore-sync"]
CMD ["run"]
