#!/bin/bash
# Makes what the Secret group-tls holds, for all members that members.sh has: deploy/groups/tls/certificates.sh FOLDER
#
# ca.crt, ca.key     the authority, for ten years, unless the folder has one. Keep its key: it signs the next certificate.
# tls.crt, tls.key   a certificate for the names of all members, for two years
set -eu -o pipefail
. "$(dirname "$0")/../files/members.sh"
umask 077
mkdir -p "$1"
cd "$1"

names=
for region in "${regions[@]}"; do
    for group in "${groups[@]}"; do
        for ((ordinal = 0; ordinal < ordinals; ordinal++)); do
            names+=,DNS:$region-$group-$ordinal.$region-$group
        done
    done
done

key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc)
[ -e ca.key ] || openssl req -x509 "${key[@]}" -keyout ca.key -out ca.crt -days 3650 -subj '/CN=authority of the groups'
openssl req "${key[@]}" -keyout tls.key -subj '/CN=members of the groups' |
    openssl x509 -req -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" -days 730 -out tls.crt \
        -extfile <(echo "subjectAltName=${names#,}")
