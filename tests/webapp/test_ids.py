import os
import time
import uuid

from webapp.ids import new_id, new_request_id


def test_ids_are_uuids_in_order_of_time() -> None:
    early, late = new_id(1_000), new_id(1_001)
    assert early < late
    first = new_id()
    time.sleep(0.002)
    assert late < first < new_id()
    assert (uuid.UUID(early).version, uuid.UUID(early).variant) == (7, uuid.RFC_4122)


def test_ids_differ_unless_their_seed_is_given() -> None:
    assert new_id(1_000) != new_id(1_000)
    assert new_id(1_000, b"0123456789") == new_id(1_000, b"0123456789")
    assert new_id(1_000, b"0123456789") != new_id(1_000, b"012345678 ")
    assert new_request_id() != new_request_id()


def test_a_forked_worker_gives_other_ids() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, (new_id(1_000) + new_request_id()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100).decode() != new_id(1_000) + new_request_id()
    os.close(read)
    os.close(write)
