import pytest

from scorecast.errors import SettingError
from scorecast.runtime.settings import AnnouncementSettings, ApiSettings, ConsumerSettings, FanoutSettings
from tests.support.fakes import BUS

FANOUT = {
    "EVENT_BUS_NAME": "fanoutBus",
    "DEAD_LETTER_QUEUE_URL": "url",
    "EVENT_BRIDGE_MAX_ATTEMPT": "4",
    "BACKUP_BUCKET": "backup",
    "ID_ATTRIBUTE": "id",
    "METADATA_ATTRIBUTE": "metadata",
    "SCORE_ATTRIBUTE": "projectScore",
    "BOARD_ATTRIBUTE": "hackathonName",
    "NAME_ATTRIBUTE": "userName",
}


def test_fanouts_settings_are_read() -> None:
    assert FanoutSettings.from_environment(FANOUT) == FanoutSettings(BUS, "url", 4)


@pytest.mark.parametrize("key", FANOUT)
def test_a_missing_variable_is_named(key: str) -> None:
    with pytest.raises(SettingError, match=key):
        FanoutSettings.from_environment({name: value for name, value in FANOUT.items() if name != key})


def test_no_attributes_are_shown_unless_the_stack_names_some() -> None:
    assert FanoutSettings.from_environment(FANOUT).bus.attributes.shown == ()
    names = FanoutSettings.from_environment(FANOUT | {"SHOW_ATTRIBUTES": "team,country,team"}).bus.attributes
    assert names.shown == ("team", "country")
    assert names.needed == ("id", "metadata", "projectScore", "hackathonName", "userName", "team", "country")


@pytest.mark.parametrize("value", ["0", "-1", "four", "1.5"])
def test_an_invalid_number_is_shown(value: str) -> None:
    with pytest.raises(SettingError, match=f"EVENT_BRIDGE_MAX_ATTEMPT is '{value}'"):
        FanoutSettings.from_environment(FANOUT | {"EVENT_BRIDGE_MAX_ATTEMPT": value})


@pytest.mark.parametrize("settings", [ConsumerSettings, ApiSettings])
def test_an_empty_environment_is_refused(settings: type[ConsumerSettings | ApiSettings]) -> None:
    with pytest.raises(SettingError, match="LEADERBOARD_TABLE is not set"):
        settings.from_environment({})


def test_a_top_of_zero_entries_means_no_standing_events() -> None:
    given = {"LEADERBOARD_INDEX": "index", "LEADERBOARD_TIE_INDEX": "ties", "EVENT_BUS_NAME": "fanoutBus"}
    given |= {"STANDING_EVENTS_TOP": "0"}
    assert AnnouncementSettings.from_environment(given) == AnnouncementSettings("index", "ties", "fanoutBus", 0)
    with pytest.raises(SettingError, match="STANDING_EVENTS_TOP is '-1'; it must be a whole number from 0 up"):
        AnnouncementSettings.from_environment(given | {"STANDING_EVENTS_TOP": "-1"})
