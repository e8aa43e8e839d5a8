# One image for web, workers, beat and Flower; compose.yaml says which runs what.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        poppler-utils tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd \
    && rm -rf /var/lib/apt/lists/*

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 \
    SHEAF_ENV=production SHEAF_DATA_DIR=/data SHEAF_BIND=0.0.0.0

WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt

COPY . .
RUN pybabel --quiet compile --directory config/locale --domain django

# The volume at /data takes over the owner of this folder when it is first made.
RUN useradd --system --create-home --uid 1000 sheaf && install -d -o sheaf -g sheaf -m 700 /data
USER sheaf
VOLUME /data
EXPOSE 8000

CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", \
     "--timeout", "120", "--no-control-socket"]
