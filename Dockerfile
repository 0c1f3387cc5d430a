# The image of the deploy gate: django-probe with the project in deploy/. docs/image.md says how it is built and run.

# Both stages begin with one base, named by digest: the same commit is built on the same base, whenever that is.
FROM python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS build

COPY requirements.lock /tmp/requirements.lock
# The base's pip installs into a virtualenv that has none. Only wheels are installed, so no package's code runs here.
# The sources of translations (.po) are deleted: Django reads the compiled ones (.mo).
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: \
        --no-compile --no-cache-dir --disable-pip-version-check --requirement /tmp/requirements.lock \
    && find /opt/venv -name '*.po' -delete \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

COPY django_probe /app/django_probe
COPY deploy /app/deploy
# The embedded SQLite has its tables. A container without another database starts from a copy of it.
# Python compares this bytecode with its source, because somebody may mount another file over one of these.
RUN chmod -R a+rX,go-w /app \
    && python -m compileall -q -j 0 --invalidation-mode checked-hash /app \
    && /opt/venv/bin/python /app/deploy/manage.py migrate --verbosity 0


FROM python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

# tini is PID 1. As PID 1, gunicorn would take an orphan that exits with 3 or 4 for a worker that could not boot, and a
# command would ignore signals that it does not handle. A running container needs neither pip nor ensurepip of the base.
# The base's own library has no bytecode, and a read-only file system can keep none: each start would compile it.
# No version of tini is pinned: Debian has one version at a time, and removes it when the next one comes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    && useradd --uid 10001 --user-group --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin probe \
    && library="$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && rm -rf "$library/ensurepip" "$library"/site-packages/pip* /usr/local/bin/pip* /usr/share/python-wheels \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(site-packages|test|tests|idlelib|lib2to3|turtledemo|tkinter|pydoc_data)/' "$library"

COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["/usr/bin/tini", "--", "/app/deploy/entrypoint"]
CMD ["gate", "deploy"]

# These come last, so that another revision of the same files builds nothing again.
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="django-probe" \
      org.opencontainers.image.description="The deploy gate for live Django systems" \
      org.opencontainers.image.source="https://github.com/django-probe/django-probe" \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim-trixie" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
