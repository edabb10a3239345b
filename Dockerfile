# The first stage installs from the lock, hashes checked; the second holds the result and neither pip nor a compiler.
FROM python:3.13.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --no-deps -r requirements/build.txt
RUN python -m venv --without-pip /opt/nam-cds \
 && /opt/build/bin/pip --python /opt/nam-cds/bin/python install --require-hashes --no-deps -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY cds_service cds_service/
COPY hooks hooks/
COPY fixtures fixtures/
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/build/bin/pip --python /opt/nam-cds/bin/python install --no-deps --no-index dist/*.whl

FROM python:3.13.14-slim-bookworm
COPY --from=build /opt/nam-cds /opt/nam-cds/
ENV PATH=/opt/nam-cds/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# The database and its key. Anybody may write, as some platforms choose the user id.
RUN mkdir -m 1777 /var/lib/nam-cds
WORKDIR /var/lib/nam-cds
VOLUME /var/lib/nam-cds
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
 CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["nam-cds"]
CMD ["serve", "--host", "0.0.0.0"]
