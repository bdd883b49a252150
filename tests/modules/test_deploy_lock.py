"""The lock's file: of many who ask at once, one gets it."""

from __future__ import annotations

import json
import threading

import deploy_lock


def holder(number: int) -> dict:
    return {"operator": f"operator {number}", "process": {"pid": number}}


def at_once(count: int, do) -> list:
    """Call do(number) from several threads at the same moment; return what they returned."""
    gate = threading.Barrier(count)
    answers = []

    def wait_and_do(number: int) -> None:
        gate.wait()
        answers.append(do(number))

    threads = [threading.Thread(target=wait_and_do, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_many_at_once_one_takes_it(tmp_path):
    path = str(tmp_path / "lock")
    for _ in range(20):
        told = at_once(8, lambda number: deploy_lock.change(path, "taken", holder(number), {}))
        winners = {json.dumps(answer, sort_keys=True) for answer in told}
        assert len(told) == 8
        assert len(winners) == 1, "all were told the same holder"
        (winner,) = map(json.loads, winners)
        assert deploy_lock.change(path, "released", winner, {}) == {}


def test_of_many_who_break_it_one_takes_it(tmp_path):
    path = str(tmp_path / "lock")
    for _ in range(20):
        left = deploy_lock.change(path, "taken", holder(99), {})
        told = at_once(8, lambda number, left=left: deploy_lock.change(path, "taken", holder(number), left))
        assert len(told) == 8
        assert len({json.dumps(answer, sort_keys=True) for answer in told}) == 1
        deploy_lock.change(path, "released", told[0], {})


def test_taking_and_releasing_at_once_loses_no_lock(tmp_path):
    path = str(tmp_path / "lock")
    inside, most, done = [], [], []

    def work(number: int) -> None:
        for _ in range(50):
            if deploy_lock.change(path, "taken", holder(number), {})["process"] == {"pid": number}:
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)
                deploy_lock.change(path, "released", holder(number), {})
                done.append(number)

    at_once(6, work)
    assert done
    assert max(most) == 1
    assert deploy_lock.change(path, "seen", {}, {}) == {}


def test_another_holders_lock_is_not_released(tmp_path):
    path = str(tmp_path / "lock")
    deploy_lock.change(path, "taken", holder(1), {})
    assert deploy_lock.change(path, "released", holder(2), {})["process"] == {"pid": 1}
    assert deploy_lock.change(path, "seen", {}, {})["process"] == {"pid": 1}


def test_looking_makes_no_file(tmp_path):
    assert deploy_lock.change(str(tmp_path / "lock"), "seen", {}, {}) == {}
    assert list(tmp_path.iterdir()) == []


def test_link_that_was_laid_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "lock").symlink_to(victim)
    try:
        deploy_lock.change(str(tmp_path / "lock"), "taken", holder(1), {})
    except OSError:
        pass
    else:
        raise AssertionError("the link was followed")
    assert victim.read_text() == "precious"
