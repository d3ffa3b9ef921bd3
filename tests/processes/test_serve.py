"""``flask serve``: two workers on Granian."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from tests.conftest import add_version
from tests.processes.conftest import Server, wait_for
from webapp import queries

CHRISTMAS = {"datetime": "2012-12-25T08:00:00", "weather": "clear"}
CHRISTMAS |= {"temperature": 3.3, "humidity": 81, "windspeed": 0}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_acknowledged_prediction_survives_kill_9_of_all(
    served: Server, start: Callable[..., Server], instance: Path
) -> None:
    answers = [served.call("/api/predict", CHRISTMAS)[1] for _ in range(20)]
    os.killpg(served.process.pid, signal.SIGKILL)
    served.process.wait()
    again = start(["serve", "--workers", "1"], instance)
    wait_for(again.ready, 60)
    for answer in answers:
        status, found = again.call(f"/api/predictions/{answer['prediction_id']}")
        assert status == 200
        assert answer.items() <= found.items()


def test_a_new_champion_reaches_every_worker_and_no_request_fails(
    served: Server, app: Flask
) -> None:
    with app.app_context():
        kept = str(add_version(queries.observations_frame(), "kept"))
    statuses, versions, stop = [], [], threading.Event()

    def load() -> None:
        while not stop.is_set():
            status, answer = served.call("/api/predict", CHRISTMAS)
            statuses.append(status)
            versions.append(answer.get("model_version"))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        path = f"/api/models/{kept}/activate"
        assert served.call(path, {"reason": "it is better"})[0] == 200
        # Both workers answer: no request out of 40 in a row is by the old champion.
        wait_for(lambda: versions[-40:] == [kept] * 40, 10)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200}


def test_no_thread_of_a_worker_interrupts_another(served: Server) -> None:
    served.call("/api/predict", CHRISTMAS)
    for worker in served.workers():
        for thread in os.listdir(f"/proc/{worker}/task"):
            assert os.sched_getscheduler(int(thread)) == os.SCHED_BATCH


def test_flask_run_debug_schedules_once(start: Callable[..., Server], instance: Path) -> None:
    server = start(["run", "--debug"], instance, VLIB_SCHEDULER_SECONDS="1")
    wait_for(server.ready, 60)
    wait_for(server.schedulers, 10)
    time.sleep(3)
    assert len(server.schedulers()) == 1


def test_a_dead_worker_is_replaced(served: Server) -> None:
    os.kill(served.workers()[0], signal.SIGKILL)
    wait_for(lambda: len([pid for pid in served.workers() if alive(pid)]) == 2, 10)
    wait_for(served.ready, 10)


def test_sigterm_lets_requests_end_and_then_the_server(
    start: Callable[..., Server], instance: Path
) -> None:
    silent = socket.create_server(("127.0.0.1", 0))  # a feed that takes calls and never answers
    feed = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    served = start(["serve", "--workers", "2"], instance, VLIB_WEATHER_URL=feed)
    wait_for(served.ready, 60)
    held, _ = silent.accept()
    answers = []
    batch = {"items": [CHRISTMAS] * 10_000}
    thread = threading.Thread(
        target=lambda: answers.append(served.call("/api/predict/batch", batch))
    )
    thread.start()
    time.sleep(0.3)  # the batch is on its way
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(10)
    thread.join()
    held.close()
    silent.close()
    assert [(status, answer["failed"]) for status, answer in answers] == [(200, 0)]
    assert not [pid for pid in served.workers() if alive(pid)]


def test_workers_end_with_their_supervisor(served: Server) -> None:
    os.kill(served.process.pid, signal.SIGKILL)
    served.process.wait()
    wait_for(lambda: not [pid for pid in served.workers() if alive(pid)], 10)


def test_a_second_server_on_the_folder_says_so(
    served: Server, start: Callable[..., Server], instance: Path
) -> None:
    second = start(["run"], instance)
    assert second.process.wait(60) == 1
    said = second.log.read_text()
    assert said.startswith("Error: Another Vlib server uses the instance folder")
    assert len(said.splitlines()) == 1


def test_a_taken_port_is_one_line(served: Server, instance: Path) -> None:
    port = served.url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "flask", "serve", "--port", port],
        cwd=Path(__file__).resolve().parent.parent.parent,
        env=os.environ | {"VLIB_INSTANCE_PATH": str(instance.with_name("other"))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Can't listen on 127.0.0.1:{port}")
    assert len(done.stderr.splitlines()) == 1


def test_every_line_of_a_servers_log_is_json(start: Callable[..., Server], instance: Path) -> None:
    server = start(["serve", "--workers", "1"], instance, VLIB_LOG="")
    wait_for(server.ready, 60)
    assert server.call("/api/predict", CHRISTMAS)[0] == 200
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(15)
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert {"_granian", "webapp.predictor", "vlib.requests"} <= {line["logger"] for line in lines}
    asked = [line for line in lines if line.get("route") == "/api/predict"]
    assert [(line["method"], line["status"]) for line in asked] == [("POST", 200)]
