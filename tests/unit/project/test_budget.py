"""The guide's budget is one that AWS takes, and the template deploys where CloudFormation knows no budgets."""

import json
import re

import botocore.session
import pytest
from botocore.validate import ParamValidator
from cfnlint.helpers import REGIONS
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.support.template import ROOT, TRANSLATED

GUIDE = (ROOT / "docs" / "deploy-to-aws.md").read_text(encoding="utf-8")


def test_the_budget_follows_the_service_model() -> None:
    command = GUIDE.partition("aws budgets create-budget")[2].partition("```")[0]
    budget, notifications = (json.loads(text) for text in re.findall(r"'(.*?)'", command, re.DOTALL))
    model = botocore.session.get_session().get_service_model("budgets").operation_model("CreateBudget").input_shape
    assert model
    asked = {"AccountId": "123456789012", "Budget": budget, "NotificationsWithSubscribers": notifications}
    assert not ParamValidator().validate(asked, model).has_errors()
    assert {one["Notification"]["NotificationType"] for one in notifications} == {"ACTUAL", "FORECASTED"}


def unknown_in(region: str) -> set[str]:
    """The names of the template's resources whose types CloudFormation does not know in a region."""
    known = set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
    return {name for name, one in TRANSLATED.items() if one["Type"] not in known}


@pytest.mark.parametrize("region", [region for region in REGIONS if not region.startswith("us-gov-")])
def test_every_region_knows_all_types_of_the_template(region: str) -> None:
    assert unknown_in(region) == set()


def test_govcloud_lacks_only_what_the_guide_says_to_delete_there() -> None:
    unknown = {name for region in REGIONS if region.startswith("us-gov-") for name in unknown_in(region)}
    assert unknown == {"EdgeCachePolicy", "EdgeDistribution"}
    [sentence] = re.findall(r"- \*\*GovCloud\*\*.*", GUIDE)
    assert all(f"`{name}`" in sentence for name in {*unknown, "EdgeUrl"})
