"""Jobs over HTTP: asked for, watched, stopped; done by a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from heimdex.app.jobs import run_worker, worker_options
from heimdex.client import Client, ServiceError
from tests.integration.server.conftest import SAMPLES, Service


@pytest.fixture
def worker(service: Service) -> Iterator[None]:
    stop = threading.Event()
    options = worker_options(service.heimdex.settings)
    thread = threading.Thread(target=run_worker, args=(service.heimdex, options, stop))
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.usefixtures("worker")
def test_a_job_is_watched_to_its_end(client: Client) -> None:
    job = client.add_job("verify", sample=1)
    seen = list(client.watch(job.job_id))
    assert seen[-1].state == "done"
    assert seen[-1].result is not None
    assert seen[-1].result["ok"] is True
    assert client.job(job.job_id).state == "done"


@pytest.mark.usefixtures("worker")
def test_an_administrator_has_a_folder_indexed(service: Service, client: Client) -> None:
    job = client.add_job("index", paths=[str(SAMPLES / "2023" / "photo-01.jpg")])
    assert list(client.watch(job.job_id))[-1].state == "done"
    assert str(SAMPLES / "2023" / "photo-01.jpg") in {asset.path for asset in client.assets()}


def test_what_waits_can_be_paused_resumed_cancelled_and_tried_again(client: Client) -> None:
    job = client.add_job("backfill", query="kind:photo", priority=5)
    assert (job.state, job.priority) == ("waiting", 5)
    assert client.prioritise_job(job.job_id, 300).priority == 300
    assert client.change_job(job.job_id, "pause").state == "paused"
    assert client.change_job(job.job_id, "resume").state == "waiting"
    assert client.change_job(job.job_id, "cancel").state == "cancelled"
    assert client.change_job(job.job_id, "retry").state == "waiting"
    assert client.change_job(job.job_id, "cancel").state == "cancelled"
    with pytest.raises(ServiceError, match="has ended"):
        client.prioritise_job(job.job_id, 1)
    assert job.job_id in {one.job_id for one in client.jobs(state="cancelled", page_size=1)}


def test_a_job_that_is_not_there_or_makes_no_sense_is_a_problem(client: Client) -> None:
    with pytest.raises(ServiceError) as caught:
        client.job("nothing")
    assert caught.value.status == 404
    with pytest.raises(ServiceError) as caught:
        list(client.watch("nothing"))
    assert caught.value.status == 404
    answer = client.http.post("/api/v1/jobs", json={"work": {"kind": "reprocess", "query": "kind:x"}})
    assert answer.status_code == 400
    assert client.http.post("/api/v1/jobs", json={"work": {"kind": "remove"}}).status_code == 422
