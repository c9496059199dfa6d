# The daemon in a container:
#   docker build -t veracore-sync .
#   docker run --env-file veracore-sync.env --stop-timeout 35 -p 127.0.0.1:8080:8080 veracore-sync
# Other commands work the same: docker run --rm --env-file veracore-sync.env veracore-sync check

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Queries were checked against the migrations before (.sqlx): no database is needed here.
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked --bin veracore-sync

FROM debian:bookworm-slim
# The certificates that HTTPS is checked against.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin veracore-sync
COPY --from=build /src/target/release/veracore-sync /usr/local/bin/veracore-sync
USER 10001
# Within the container; what is reachable from outside is said with -p. GET /healthz and /readyz.
ENV HTTP_LISTEN=0.0.0.0:8080 LOG_FORMAT=json
EXPOSE 8080
# SIGTERM ends it: work in flight is finished, which takes 30 s at most.
ENTRYPOINT ["veracore-sync"]
CMD ["run"]
