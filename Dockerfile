# The app in a container: CPU only, models inside, what people make in the volume /data.
#
#     docker build -t minigpt .
#     docker run --rm -p 8501:8501 -v minigpt:/data minigpt      # http://localhost:8501
#
# docs/hosting.md says how to reach it by a name, with TLS, or as a Hugging Face Space.

ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# PyPI's torch brings gigabytes of CUDA; this index has the same one for CPUs.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Optional parts of pyproject.toml, such as [tokenizers,gpt2].
ARG EXTRAS=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/minigpt/bin:$PATH
RUN python -m venv /opt/minigpt
WORKDIR /source
# What changes seldom stands first, so that a change of the code builds in seconds.
COPY requirements.txt .
RUN pip install --no-deps --index-url="$TORCH_INDEX" $(grep '^torch==' requirements.txt)
RUN pip install --requirement requirements.txt
COPY . .
RUN pip wheel --no-deps --wheel-dir /wheels . \
    && pip install --constraint requirements.txt "$(echo /wheels/*.whl)$EXTRAS"

FROM ${BASE}
# 1000 is who a Hugging Face Space runs as; /data is where it keeps files.
RUN useradd --create-home --uid 1000 minigpt && install --directory --owner=1000 /data
COPY --from=build /opt/minigpt /opt/minigpt
ENV PATH=/opt/minigpt/bin:$PATH MINIGPT_DATA=/data PYTHONUNBUFFERED=1
USER 1000
WORKDIR /home/minigpt
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# A Space tells its own name, and shows the app in a frame of huggingface.co. More
# options stand behind the image's name: docker run … minigpt --allow-host school.example
# With --links it is a class: the teacher's link and the learners' are in the log.
ENTRYPOINT ["sh", "-c", "exec minigpt app --share --no-links --no-browser ${SPACE_HOST:+--allow-host $SPACE_HOST --allow-frame https://huggingface.co} \"$@\"", "minigpt"]
