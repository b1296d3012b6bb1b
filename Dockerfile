# One image for the centre, the edge and the simulated devices; the command decides which.
#
#   build    environment from the hashed lock, web pages, wheel, configuration
#   (last)   Python and that, nothing to build or install with, nobody who is root
#
# Tags are pinned; for a build that cannot change at all, pin a digest as well: BASE=python:…@sha256:…
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/provenline
COPY requirements/run.txt /build/run.txt
RUN /opt/provenline/bin/pip install --require-hashes -r /build/run.txt

COPY . /source
RUN /opt/provenline/bin/pip wheel --no-deps --wheel-dir /build/wheels /source \
    && /opt/provenline/bin/pip install --no-deps /build/wheels/*.whl \
    && /opt/provenline/bin/python /source/docker/configure.py /source/docker/config /etc/provenline \
    && /opt/provenline/bin/provenline check /etc/provenline \
    && /opt/provenline/bin/pip uninstall --yes setuptools pip

FROM ${BASE}
LABEL org.opencontainers.image.title="provenline" \
      org.opencontainers.image.description="Industrial-IoT monitoring for demonstration and training lines" \
      org.opencontainers.image.licenses="Apache-2.0"
# A number, so that an orchestrator can see that it is not root. /data is made here because a
# new named volume takes its owner from the folder it covers.
RUN groupadd --gid 10001 provenline \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin provenline \
    && install --directory --owner 10001 --group 10001 --mode 0750 /data
COPY --from=build /opt/provenline /opt/provenline
COPY --from=build /etc/provenline /etc/provenline
COPY docker/health.py /opt/provenline/health.py
ENV PATH=/opt/provenline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["provenline"]
CMD ["serve", "/etc/provenline", "--data", "/data", "--host", "0.0.0.0"]
