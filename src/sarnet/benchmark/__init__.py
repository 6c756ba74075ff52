"""Data set x method -> rows, what the rows come to, and the scores of registrations by whatever program."""

from sarnet.benchmark.code import code_hash
from sarnet.benchmark.evaluate import Evaluation, TransformScore, check_lies_on, evaluate, score_transform
from sarnet.benchmark.learn2reg import CaseScores, TaskScores, joined_scores, score_cases
from sarnet.benchmark.learn2reg_task import Task, read_task
from sarnet.benchmark.plan import Plan
from sarnet.benchmark.protocol import plan
from sarnet.benchmark.row import Row, RowKey, Summary, append_row, read_rows, settings_hash, summarise
from sarnet.benchmark.score import LabelScore, means, score_labels
from sarnet.benchmark.statistics import (
    Comparison,
    Figure,
    Interval,
    PairValue,
    bootstrap_interval,
    compare,
    holm,
)

__all__ = [
    "CaseScores",
    "Comparison",
    "Evaluation",
    "Figure",
    "Interval",
    "LabelScore",
    "PairValue",
    "Plan",
    "Row",
    "RowKey",
    "Summary",
    "Task",
    "TaskScores",
    "TransformScore",
    "append_row",
    "bootstrap_interval",
    "check_lies_on",
    "code_hash",
    "compare",
    "evaluate",
    "holm",
    "joined_scores",
    "means",
    "plan",
    "read_rows",
    "read_task",
    "score_cases",
    "score_labels",
    "score_transform",
    "settings_hash",
    "summarise",
]
