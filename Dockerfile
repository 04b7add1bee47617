# The millstream binary on a base without a shell, run by an unprivileged user.
ARG BUILD_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package millstream-server \
    && strip --strip-debug target/release/millstream -o /millstream \
    && mkdir /data

FROM ${RUNTIME_IMAGE}
COPY --from=build /millstream /usr/local/bin/millstream
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
VOLUME /data

# Clients on the host use 9092 and are told to come back there; clients on a container network use
# 19092 and are told the address that they reached.
ENV MILLSTREAM_LOG_DIRS=/data \
    MILLSTREAM_LISTENERS=HOST://0.0.0.0:9092,NETWORK://0.0.0.0:19092 \
    MILLSTREAM_ADVERTISED_LISTENERS=HOST://127.0.0.1:9092
EXPOSE 9092 19092

HEALTHCHECK --interval=5s --timeout=6s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/millstream", "ping"]
ENTRYPOINT ["/usr/local/bin/millstream"]
CMD ["serve"]
