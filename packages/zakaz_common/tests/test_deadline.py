import pytest
from zakaz_common.errors import DeadlineExceededError
from zakaz_common.token_bucket import TokenBucket


def test_a_wait_that_fits_is_waited_exactly(clock):
    deadline = clock.deadline(100)
    deadline.wait(37.5, "the API")
    assert clock.waits == [37.5]
    assert deadline.slept == 37.5


def test_a_wait_that_ends_after_the_deadline_is_refused_at_once(clock):
    deadline = clock.deadline(100)
    deadline.wait(70, "the API")
    with pytest.raises(DeadlineExceededError, match=r"asks to wait 31 s.*deadline is in 30 s") as caught:
        deadline.wait(31, "the API")
    assert clock.waits == [70]
    assert caught.value.exit_code == 75


def test_work_after_the_deadline_is_refused_and_grace_allows_it_again(clock):
    deadline = clock.deadline(10)
    deadline.check("reading")
    clock.now = 11
    with pytest.raises(DeadlineExceededError, match=r"while reading.*LOADER_DEADLINE_SECONDS"):
        deadline.check("reading")
    deadline.grace(5)
    deadline.check("recording the run")


def test_a_part_of_the_run_has_its_share_of_the_time_and_no_more(clock):
    deadline = clock.deadline(100)
    with pytest.raises(DeadlineExceededError), deadline.within(30):
        assert deadline.remaining() == 30
        deadline.wait(31, "the API")
    assert deadline.remaining() == 100
    with deadline.within(1000):
        assert deadline.remaining() == 100, "the run's own end comes first"


def test_requests_keep_to_the_rate(clock):
    bucket = TokenBucket(4, clock.deadline())
    for _ in range(9):
        bucket.acquire()
    assert clock.now == pytest.approx(2.0)


def test_a_pause_earns_no_burst(clock):
    bucket = TokenBucket(2, clock.deadline())
    bucket.acquire()
    clock.now += 60
    bucket.acquire()
    bucket.acquire()
    assert clock.waits == pytest.approx([0.5])


def test_a_rate_limit_header_lowers_the_rate_and_never_raises_it(clock):
    bucket = TokenBucket(10, clock.deadline())
    bucket.limit_to(2)
    bucket.limit_to(50)
    bucket.limit_to(0)
    assert bucket.rate == 2


def test_a_rate_of_nothing_is_refused(clock):
    with pytest.raises(ValueError, match=r"above 0"):
        TokenBucket(0, clock.deadline())
