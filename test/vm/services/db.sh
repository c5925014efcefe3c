#!/bin/sh
# PostgreSQL as its image would start it: a cluster is made where there is none.
set -e
data=/var/lib/postgresql/data
if [ ! -s $data/PG_VERSION ]; then
  initdb -D $data --auth=trust --no-locale -E UTF8 >/dev/null
  echo "host all all all trust" >>$data/pg_hba.conf
  touch $data/fresh
fi
exec postgres -D $data -c "listen_addresses=*" -c unix_socket_directories=/tmp -c jit=off -c shared_buffers=16MB -c max_connections=20
