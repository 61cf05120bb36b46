#!/bin/bash
# The server, in the shell's place, so that it gets the signals.
. /etc/mysql/group/family.sh
exec "${serve[@]}"
