"""Logs in so many clients at PORT, has each run a statement, and prints by how much the memory of PID grew: a row of Markdown."""
import hashlib
import socket
import sys

CAPABILITIES = 0x0F | 0x200 | 0x8000 | 0x80000  # long flags and database, 4.1, secure connection, plugins


def packet(sock):
    header = exactly(sock, 4)
    return exactly(sock, int.from_bytes(header[:3], "little"))


def exactly(sock, count):
    got = b""
    while len(got) < count:
        part = sock.recv(count - len(got))
        if not part:
            raise SystemExit("the proxy closed a connection")
        got += part
    return got


def log_in(port, password):
    sock = socket.create_connection(("127.0.0.1", port))
    greeting = packet(sock)
    at = greeting.index(b"\0", 1) + 5
    nonce = greeting[at : at + 8] + greeting[at + 27 : at + 39]
    once = hashlib.sha256(password).digest()
    mask = hashlib.sha256(hashlib.sha256(once).digest() + nonce).digest()
    answer = bytes(a ^ b for a, b in zip(once, mask))
    login = CAPABILITIES.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + bytes([45]) + bytes(23)
    login += b"app\0" + bytes([len(answer)]) + answer + b"sbtest\0caching_sha2_password\0"
    sock.sendall(len(login).to_bytes(3, "little") + b"\x01" + login)
    while True:
        reply = packet(sock)
        if reply[0] == 0:
            return sock
        if reply[0] != 1:
            raise SystemExit(f"the login was refused: {reply!r}")


def query(sock, text):
    sock.sendall((len(text) + 1).to_bytes(3, "little") + b"\0\x03" + text)
    ends = 0
    while ends < 2:
        reply = packet(sock)
        if reply[0] == 0xFF:
            raise SystemExit(f"refused: {reply!r}")
        ends += reply[0] == 0xFE and len(reply) < 9


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


port, pid, count = map(int, sys.argv[1:])
start = resident_kib(pid)
clients = []
for n in range(count):
    clients.append(log_in(port, b"app-password"))
    query(clients[-1], b"SELECT c FROM sbtest1 WHERE id = %d" % (n % 10000 + 1))
grown = resident_kib(pid) - start
print(f"| {count} | {grown / 1024:.1f} | {grown / count:.2f} |")
