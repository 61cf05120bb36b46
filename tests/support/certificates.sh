#!/bin/bash
# Makes certificates for the tests of TLS, in PEM files:
#
#   tests/support/certificates.sh FOLDER
#
#   self.pem, self.key            signed by itself, for 127.0.0.1
#   ca.pem, other-ca.pem          two authorities
#   here.pem, elsewhere.pem       signed by the first one, for 127.0.0.1 and for the host `elsewhere`
#   client.pem                    signed by the first one, for a client
#
# Each NAME.pem has its NAME.key; keys may be read by all, for servers run as another user.
set -eu
. "$(dirname "$0")/mariadb.sh"
need openssl openssl

cd "$1"
exec 2>openssl.log
key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

openssl req -x509 "${key[@]}" -keyout self.key -out self.pem -days 2 -subj /CN=self -addext subjectAltName=IP:127.0.0.1
for name in ca other-ca; do
    openssl req -x509 "${key[@]}" -keyout $name.key -out $name.pem -days 2 -subj "/CN=authority $name"
done

# signed NAME EXTENSION
signed() {
    openssl req "${key[@]}" -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out "$1.pem" -extfile <(echo "$2")
}
signed here subjectAltName=IP:127.0.0.1
signed elsewhere subjectAltName=DNS:elsewhere
signed client extendedKeyUsage=clientAuth
chmod 644 ./*.key
