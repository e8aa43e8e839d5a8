"""Files in S3 by environment variables alone, against a server that speaks its protocol."""

import json

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests import papers
from tests.servers import free_port
from tests.site import Site

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket():
    """The environment that names a bucket on a server of its own, and the bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "SHEAF_STORAGE": "s3",
        "AWS_STORAGE_BUCKET_NAME": "papers",
        "AWS_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_S3_REGION_NAME": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    client = boto3.client(
        "s3",
        endpoint_url=environment["AWS_S3_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket="papers")
    yield environment, client
    server.stop()


def test_a_zip_runs_through_with_every_file_in_the_bucket(bucket, tmp_path):
    environment, client = bucket
    site = Site(tmp_path / "site", **environment)
    for name, content in {
        "exam.yaml": papers.EXAM_FILE.encode(),
        "roster.csv": papers.roster_file(2).encode(),
        "papers.zip": papers.archive(2, pages=2),
    }.items():
        (tmp_path / name).write_bytes(content)
    site.manage(
        "grade_zip",
        f"--exam={tmp_path / 'exam.yaml'}",
        f"--roster={tmp_path / 'roster.csv'}",
        f"--sheets={tmp_path / 'papers.zip'}",
        f"--out={tmp_path / 'report.json'}",
    )
    report = json.loads((tmp_path / "report.json").read_text())
    assert [sheet["state"] for sheet in report["sheets"]] == ["graded", "graded"]
    names = [one["Key"] for one in client.list_objects_v2(Bucket="papers")["Contents"]]
    assert len(names) == 1 + 2 + 2 * 2 * 2 + 1  # upload, papers, pages with thumbnails, lines
    assert not list((tmp_path / "site" / "data" / "media").glob("**/*"))
    assert "agree" in site.manage("check_integrity")
    client.delete_object(Bucket="papers", Key=names[0])
    with pytest.raises(AssertionError, match="is missing"):
        site.manage("check_integrity")
