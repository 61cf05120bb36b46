# Builds Meridian, and an image that holds the binary, the C library and nothing to log in with.
FROM docker.io/library/rust:1.89-bookworm AS build
WORKDIR /meridian
COPY Cargo.toml Cargo.lock ./
COPY src src
# Cargo wants every target that Cargo.toml names.
COPY benches/routing.rs benches/
RUN cargo build --release --locked --bin meridian

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /meridian/target/release/meridian /usr/local/bin/meridian
# The user `nonroot` of the base, by number: Kubernetes checks runAsNonRoot by it.
USER 65532:65532
EXPOSE 3306 9306
ENTRYPOINT ["/usr/local/bin/meridian"]
CMD ["serve", "--config", "/etc/meridian/config/config.yaml"]
