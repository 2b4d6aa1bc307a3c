"""The guide's budget is one that AWS takes, and the template deploys where CloudFormation knows no budgets."""

import json
import re

import botocore.session
from botocore.validate import ParamValidator

from tests.support.template import ROOT, translated

GUIDE = (ROOT / "docs" / "deploy-to-aws.md").read_text(encoding="utf-8")


def test_the_budget_follows_the_service_model() -> None:
    command = GUIDE.partition("aws budgets create-budget")[2].partition("```")[0]
    budget, notifications = (json.loads(text) for text in re.findall(r"'(.*?)'", command, re.DOTALL))
    model = botocore.session.get_session().get_service_model("budgets").operation_model("CreateBudget").input_shape
    assert model
    asked = {"AccountId": "123456789012", "Budget": budget, "NotificationsWithSubscribers": notifications}
    assert not ParamValidator().validate(asked, model).has_errors()
    assert {one["Notification"]["NotificationType"] for one in notifications} == {"ACTUAL", "FORECASTED"}


def unknown_types() -> dict[str, set[str]]:
    """For each region, the names of the template's resources whose types CloudFormation does not know there."""
    # Imported late: every worker collects all tests, and one runs these.
    from cfnlint.helpers import REGIONS
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    known = {region: set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region)) for region in REGIONS}
    types = {name: one["Type"] for name, one in translated().items()}
    return {region: {name for name, kind in types.items() if kind not in known[region]} for region in REGIONS}


def test_only_govcloud_lacks_types_of_the_template_and_the_guide_says_what_to_delete_there() -> None:
    unknown = {region: names for region, names in unknown_types().items() if names}
    assert all(region.startswith("us-gov-") for region in unknown), unknown
    lacking = {name for names in unknown.values() for name in names}
    assert lacking == {"EdgeCachePolicy", "EdgeDistribution"}
    [sentence] = re.findall(r"- \*\*GovCloud\*\*.*", GUIDE)
    assert all(f"`{name}`" in sentence for name in {*lacking, "EdgeUrl"})
