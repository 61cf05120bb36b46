#!/bin/bash
# Whether the server answers.
. /etc/mysql/group/common.sh
here -e 'DO 1'
