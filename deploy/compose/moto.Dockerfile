# moto: S3 and DynamoDB in memory, for the profile `aws`. Nothing of it ships.
# See services/storage/Dockerfile for how to pin the base image by digest.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS environment
COPY requirements/moto.txt /requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/moto && \
    pip --python /opt/moto/bin/python install --require-hashes --only-binary=:all: -r /requirements.txt

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="mayfly-moto" \
      org.opencontainers.image.description="S3 and DynamoDB for development" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=environment /opt/moto /opt/moto
USER 10001:10001
WORKDIR /tmp
ENV PATH=/opt/moto/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 50090
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:50090/moto-api/', timeout=3)"]
ENTRYPOINT ["moto_server", "--host", "0.0.0.0"]
CMD ["--port", "50090"]
