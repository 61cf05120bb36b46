# The Rust toolchain is the one prerequisite: what else is missing is installed with apt-get, as root.

.PHONY: demo test gate bench

# Eight servers in two regions, a proxy in each, a tour; serves until Ctrl-C.
demo:
	@demo/demo.sh

# All tests, with real servers and clients.
test:
	@tests/run.sh

# Instructions and system calls per statement against their bounds.
gate:
	@benches/gate.sh

# Proxy CPU per statement beside direct connections and HAProxy.
bench:
	@benches/cpu.sh
