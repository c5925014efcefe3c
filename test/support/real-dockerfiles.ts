/** Dockerfiles as people write them, on a Debian whose packages come from its mirrors. `%` stands for the base image. */

export const nginx = `FROM %
RUN apt-get update -qq \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends nginx-light \\
 && rm -rf /var/lib/apt/lists/* \\
 && ln -sf /dev/stdout /var/log/nginx/access.log \\
 && ln -sf /dev/stderr /var/log/nginx/error.log
COPY <<EOF /var/www/html/index.html
served by nginx
EOF
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
`;

export const redis = `FROM %
RUN groupadd -r -g 999 redis && useradd -r -g redis -u 999 redis
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked \\
    rm -f /etc/apt/apt.conf.d/docker-clean; apt-get update -qq && apt-get install -qq -y --no-install-recommends redis-server
RUN mkdir /data && chown redis:redis /data
VOLUME /data
WORKDIR /data
COPY --chmod=755 <<'EOF' /usr/local/bin/entry
#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ]; then set -- redis-server "$@"; fi
exec "$@"
EOF
USER redis
ENTRYPOINT ["entry"]
EXPOSE 6379
HEALTHCHECK --interval=1s --retries=20 CMD redis-cli ping | grep -q PONG
CMD ["redis-server", "--protected-mode", "no", "--bind", "0.0.0.0"]
`;

export const postgres = `FROM %
ENV PGDATA=/var/lib/postgresql/data PATH=$PATH:/usr/lib/postgresql/15/bin LANG=C.UTF-8
RUN set -eux; \\
    apt-get update -qq; \\
    apt-get install -qq -y --no-install-recommends postgresql-common; \\
    sed -ri 's/#(create_main_cluster) .*$/\\1 = false/' /etc/postgresql-common/createcluster.conf; \\
    apt-get install -qq -y --no-install-recommends postgresql-15; \\
    rm -rf /var/lib/apt/lists/*
RUN install -d -o postgres -g postgres -m 0700 "$PGDATA" && install -d -o postgres -g postgres -m 2775 /var/run/postgresql
USER postgres
RUN initdb --auth=trust >/dev/null && echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
`;

export const node = `FROM % AS base
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends nodejs && rm -rf /var/lib/apt/lists/*

FROM base
ENV NODE_ENV=production
WORKDIR /app
COPY package.json ./
COPY --chown=nobody src/ ./src/
USER nobody
EXPOSE 3000
CMD ["node", "src/server.js"]
`;

export const python = `FROM % AS base
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-minimal libpython3-stdlib && rm -rf /var/lib/apt/lists/*
FROM base
ARG GREETING=hello
ENV PYTHONUNBUFFERED=1 GREETING=\${GREETING}
WORKDIR /srv
COPY app.py .
EXPOSE 8000
CMD ["python3", "app.py"]
`;

export const cProgram = `# syntax=docker/dockerfile:1
FROM % AS build
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends gcc libc6-dev make
WORKDIR /src
COPY Makefile *.c ./
RUN make -j2

FROM build AS test
RUN ./hello | grep -q compiled

FROM scratch
COPY --from=build /src/hello /hello
ENTRYPOINT ["/hello"]
`;
