"""Many pairs on one machine or a cluster: each stands alone, and what is done stays done."""

from sarnet.cohort.atlas import Round, begin_atlas, build_atlas
from sarnet.cohort.bids import DEFAULT_PATTERN, describe_derivatives
from sarnet.cohort.cluster import Cluster, check_dask, check_scheduler, own_cluster, running_cluster
from sarnet.cohort.cohort import Cohort, Done, open_cohort
from sarnet.cohort.image import Atlas, CohortImage
from sarnet.cohort.pair import CohortPair
from sarnet.cohort.source import Found, find_images, find_pairs
from sarnet.cohort.summary import Row, worst_first

__all__ = [
    "DEFAULT_PATTERN",
    "Atlas",
    "Cluster",
    "Cohort",
    "CohortImage",
    "CohortPair",
    "Done",
    "Found",
    "Round",
    "Row",
    "begin_atlas",
    "build_atlas",
    "check_dask",
    "check_scheduler",
    "describe_derivatives",
    "find_images",
    "find_pairs",
    "open_cohort",
    "own_cluster",
    "running_cluster",
    "worst_first",
]
