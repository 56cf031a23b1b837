# AlexNet Explorer in a container. deploy/README.md says what was tested of it and what was not.
#
#   docker build -t alexnet-explorer .                                            # PyTorch as PyPI has it: CUDA on x86
#   docker build -t alexnet-explorer --build-arg TORCH_INDEX=ADDRESS .            # ADDRESS: PyTorch's index of CPU wheels
#   docker run --init --rm -p 8501:8501 -v alexnet:/data alexnet-explorer         # --gpus all with a graphics card

FROM python:3.11-slim

ARG TORCH_INDEX=""

ENV PYTHONUNBUFFERED=1 \
    ALEXNET_VIZ_HOME=/data

# The user of Hugging Face Spaces has this number too.
RUN useradd --create-home --uid 1000 explorer && install -d -o explorer -g explorer /data

WORKDIR /app

# Before the code: a change of the code does not install PyTorch again.
COPY requirements.txt ./
RUN grep -E '^torch(vision)?[<>=]' requirements.txt > /tmp/torch.txt \
    && pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} -r /tmp/torch.txt \
    && pip install --no-cache-dir -r requirements.txt

COPY app.py ./
COPY .streamlit ./.streamlit
COPY alexnet_viz ./alexnet_viz
COPY assets ./assets
COPY pages ./pages
# Everybody may read, nobody may write, whatever the files were on the host.
RUN chmod -R a+rX /app && python -m compileall -q alexnet_viz pages

USER explorer
VOLUME /data
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]

# --init in `docker run` reaps the processes that train. The address is that of the container.
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
