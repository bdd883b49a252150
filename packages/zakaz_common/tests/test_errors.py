"""What the operator is told of a run that failed in a part."""

from zakaz_common.errors import EXIT_CONFIG, AccountsFailedError, ConfigError, UnavailableError


def test_accounts_that_failed_are_named_each_with_its_reason_and_the_first_one_has_the_exit_code():
    error = AccountsFailedError("cabinets", [("a", ConfigError("no token")), ("b", UnavailableError("down"))], 3)
    assert str(error) == "2 of 3 cabinets could not be read: a: no token; b: down"
    assert error.exit_code == EXIT_CONFIG
