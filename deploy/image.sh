#!/bin/bash
# Builds the image of the release build that is there, with buildah and from nothing: the binary and the libraries that it names. No
# registry is asked. deploy/image.sh [TAG]; the image is then in buildah's storage, under that tag. Takes root.
set -eu
cd "$(dirname "$0")/.."
tag=${1:-meridian:$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)}
binary=${CARGO_TARGET_DIR:-target}/release/meridian
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}

container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null' EXIT
buildah copy --quiet "$container" "$binary" /usr/local/bin/meridian >/dev/null
# The loader and the libraries, under the paths that the binary has them by.
for library in $(ldd "$binary" | grep -o '/[^ ]*'); do
    buildah copy --quiet "$container" "$(readlink -f "$library")" "$library" >/dev/null
done
# As the Dockerfile has it.
buildah config --user 65532:65532 --port 3306 --port 9306 --entrypoint '["/usr/local/bin/meridian"]' \
    --cmd 'serve --config /etc/meridian/config/config.yaml' "$container"
chroot "$(buildah mount "$container")" /usr/local/bin/meridian --version
buildah commit --quiet "$container" "$tag"
