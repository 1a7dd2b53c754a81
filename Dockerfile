# All images of rewardd: build -> gateway -> worker -> sandbox-worker, and sandbox; `--target` chooses.
# Builds under the classic builder and under BuildKit, so nothing here is of one of them alone.
# Behind a package mirror: --build-arg PIP_INDEX_URL=..., which stays in the build stage.

# What the docker backend of the sandbox starts containers of: jails, toolchains, nothing else of
# ours. It stands first because the classic builder makes every stage above its target.
FROM python:3.11-slim-bookworm AS sandbox
ARG TOOLCHAINS="gcc g++"
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends ${TOOLCHAINS} \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
COPY sandbox/rewardd_sandbox /opt/sandbox/rewardd_sandbox
ENV PYTHONPATH=/opt/sandbox
ENTRYPOINT ["python3", "-B", "-s", "-P", "-m", "rewardd_sandbox.containers.server"]


FROM python:3.11-slim-bookworm AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/rewardd
# What others made, by hash: this layer lasts until the pins change.
COPY requirements.lock /src/
RUN /opt/rewardd/bin/pip install --quiet --require-hashes --requirement /src/requirements.lock
COPY . /src
RUN cd /src \
    && /opt/rewardd/bin/pip install --quiet --no-deps --no-build-isolation \
        ./sandbox ./verifiers ./clients ./service . \
    && /opt/rewardd/bin/pip check \
    # A server installs nothing: without pip, one thing less for whoever gets in.
    && /opt/rewardd/bin/pip uninstall --quiet --yes pip


FROM python:3.11-slim-bookworm AS gateway
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rewardd" \
      org.opencontainers.image.description="Reward server for reinforcement learning with verifiable rewards" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 rewardd \
    && useradd --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home \
        --shell /usr/sbin/nologin rewardd \
    # For secrets that the stack makes itself: a volume takes its owner from here.
    && install --directory --owner=10001 --group=10001 --mode=0755 /run/rewardd
COPY --from=build /opt/rewardd /opt/rewardd
ENV PATH=/opt/rewardd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REWARDD_HOST=0.0.0.0
USER 10001:10001
WORKDIR /tmp
STOPSIGNAL SIGTERM
EXPOSE 8000
# /readyz, not /livez: a gateway whose workers are not warm has nothing to offer yet.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=2); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["rewardd"]
CMD ["serve"]


FROM gateway AS worker
# The worker takes no connections: it says by a file that it takes work.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["test", "-e", "/tmp/ready"]
CMD ["worker", "--needs", "cpu", "--ready-file", "/tmp/ready"]


FROM worker AS sandbox-worker
# What programs may be written in, besides Python; each must be a package of Debian's.
ARG TOOLCHAINS="gcc g++"
USER root
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends ${TOOLCHAINS} \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
USER 10001:10001
CMD ["worker", "--needs", "sandbox", "--ready-file", "/tmp/ready"]
