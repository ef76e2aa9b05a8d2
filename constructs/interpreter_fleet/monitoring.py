"""What a scheduled canary is watched by: alarms and a dashboard on the metrics that its functions write.

Names of metrics: `interpreter_validation.scheduled`, which runs in them.
"""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

NAMESPACE = "InterpreterFleet"


def canary_metric(fleet: str, name: str, statistic: str, period: cdk.Duration) -> cloudwatch.Metric:
    """One metric of a fleet's scheduled canaries."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"Fleet": fleet},
        statistic=statistic,
        period=period,
    )


def alarms(
    scope: Construct,
    *,
    fleet: str,
    every: cdk.Duration,
    state_machine: sfn.StateMachine,
    functions: Sequence[lambda_.Function],
    slow_start: cdk.Duration | None,
) -> list[cloudwatch.Alarm | cloudwatch.AnomalyDetectionAlarm]:
    """Failures, could-not-tell, leaks, strangers, slow starts, and that the canary runs at all.

    A start is slow above `slow_start`, else above the band that CloudWatch learns from the fleet's own past.
    """
    counts = {
        "Failed": "an interpreter is not what it must be",
        "CouldNotTell": "the canary could not tell what an interpreter is",
        "Leaked": "a session could not be stopped",
        "Strangers": "an interpreter that is in no record uses a name or a role of the fleet",
    }
    found: list[cloudwatch.Alarm | cloudwatch.AnomalyDetectionAlarm] = [
        _above(
            scope,
            f"{name}Alarm",
            canary_metric(fleet, name, "Sum", every),
            f"{fleet}: {what}; the dashboard {dashboard_name(scope, fleet)} says which and why",
        )
        for name, what in counts.items()
    ]
    found.append(
        cloudwatch.Alarm(
            scope,
            "SilentAlarm",
            metric=canary_metric(fleet, "Checked", "Sum", every),
            threshold=1,
            evaluation_periods=2,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
            alarm_description=f"{fleet}: the canary has checked nothing for two rounds",
        )
    )
    found.append(
        _above(
            scope,
            "ExecutionAlarm",
            state_machine.metric_failed(period=every),
            f"{fleet}: a round of the canary did not end well",
        )
    )
    found.append(
        _above(
            scope,
            "LateAlarm",
            state_machine.metric_timed_out(period=every),
            f"{fleet}: a round took longer than its interval, so some were not tried: try more at once, or"
            " less often",
        )
    )
    found += [
        _above(
            scope,
            f"{function.node.id}Alarm",
            function.metric_errors(period=every),
            f"{fleet}: a function of the canary crashed or ran out of time",
        )
        for function in functions
    ]
    start = canary_metric(fleet, "StartLatency", "p90", every)
    description = f"{fleet}: sessions start slower than they did"
    if slow_start is not None:
        found.append(_above(scope, "SlowStartAlarm", start, description, slow_start.to_milliseconds()))
    else:
        found.append(
            cloudwatch.AnomalyDetectionAlarm(
                scope,
                "SlowStartAlarm",
                metric=start,
                std_devs=3,
                evaluation_periods=3,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                alarm_description=description,
            )
        )
    return found


def dashboard_name(scope: Construct, fleet: str) -> str:
    """Dashboards are global in an account: the region is in the name."""
    return f"{fleet}-canary-{cdk.Stack.of(scope).region}"


def dashboard(scope: Construct, *, fleet: str, every: cdk.Duration, log_group: logs.ILogGroup) -> None:
    """Verdicts and latencies over time, and a table of what did not pass and why."""

    def graph(title: str, statistic: str, *names: str) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title=title,
            width=12,
            left=[canary_metric(fleet, name, statistic, every).with_(label=name) for name in names],
        )

    board = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=dashboard_name(scope, fleet))
    board.add_widgets(
        graph(
            "Interpreters checked and what was found",
            "Sum",
            "Checked",
            "Failed",
            "CouldNotTell",
            "Leaked",
            "Strangers",
        ),
        graph("Milliseconds, 90th percentile", "p90", "StartLatency", "InvokeLatency", "StopLatency"),
    )
    board.add_widgets(
        cloudwatch.LogQueryWidget(
            title="What did not pass",
            width=24,
            log_group_names=[log_group.log_group_name],
            query_lines=[
                "fields @timestamp, Interpreter, Verdict, Detail, Todo",
                "filter Verdict != 'pass' and ispresent(Verdict)",
                "sort @timestamp desc",
                "limit 100",
            ],
        )
    )


def _above(
    scope: Construct, name: str, metric: cloudwatch.Metric, description: str, threshold: float = 0
) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        scope,
        name,
        metric=metric,
        threshold=threshold,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        alarm_description=description,
    )
