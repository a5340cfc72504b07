"""What each figure of a row means, beside its name and unit, for the page and the docs."""

from typing import Final, NamedTuple


class Definition(NamedTuple):
    """A heading, a unit ("" where it has none), and what is counted."""

    heading: str
    unit: str
    meaning: str


QUEUED = ("time queued before all of a job runs, over all attempts; a job that never started "
          "counts up to the end of the run")
PERCENTILES = (("p50", "median"), ("p95", "95th percentile"), ("p99", "99th percentile"))

DEFINITIONS: Final[dict[str, Definition]] = {
    "jobs": Definition("jobs", "", "jobs submitted in the window"),
    "unfinished": Definition("unfinished", "", "jobs that had not ended when the run was over"),
    "note": Definition("note", "", "why the run ended early, if it did"),
    "ended_at_limit": Definition("ended at limit", "", "jobs whose stated limit is shorter than "
                                 "their true duration: ended there, their work cut short"),
    "offered_load": Definition("offered load", "share", "work that arrives over what the fleet can "
                               "do in the window by the best assignment of jobs to chips"),
    "queueing_delay_mean_s": Definition("queueing delay, mean", "s", QUEUED),
    **{f"queueing_delay_{p}_s": Definition(f"queueing delay, {p}", "s", f"{words} of the same")
       for p, words in PERCENTILES},
    "queueing_delay_one_device_mean_s": Definition(
        "delay of one-device jobs, mean", "s", "queueing delay over the jobs of one device alone"),
    **{f"queueing_delay_one_device_{p}_s": Definition(
        f"delay of one-device jobs, {p}", "s", f"{words} of the same") for p, words in PERCENTILES},
    **{f"queueing_delay_{part}_{figure}_s": Definition(
        f"delay of {part}, {figure}", "s", f"{words} of the queueing delay of {jobs}")
        for part, jobs in (("training", "jobs without a promised start"),
                           ("serving", "serving replicas"))
        for figure, words in (("mean", "mean"), *PERCENTILES)},
    "replicas": Definition("replicas", "", "serving replicas among the jobs"),
    "slo_attainment": Definition("started in time", "share", "serving replicas that fully started "
                                 "within their promised time; one that never started did not"),
    "srpt_bound_s": Definition("SRPT bound", "s", "mean queueing delay of a fluid pool of the "
                               "fleet's worth, true durations known, least remaining first"),
    "above_bound_s": Definition("above the bound", "s", "mean queueing delay less the SRPT bound"),
    "jct_mean_s": Definition("completion time, mean", "s", "end less submission"),
    "makespan_s": Definition("makespan", "s", "last end less first submission"),
    "utilisation": Definition("utilisation", "share", "device time of fully started jobs over "
                              "capacity, from the first to the last submission"),
    "allocated_share": Definition("allocated", "share", "device time that placements hold, started "
                                  "or not, over the same capacity"),
    "idle_held_share": Definition("idle held", "share", "allocated less utilisation: devices of "
                                  "gangs that have not started"),
    "lost_share": Definition("lost", "share", "device time spent on restoring, or on work that no "
                             "checkpoint had saved, over capacity"),
    "goodput": Definition("goodput", "share", "utilisation less lost"),
    "preemptions": Definition("preemptions", "", "running placements that were stopped for "
                              "another job"),
    "rho_worst": Definition("rho, worst", "", "completion time over the time alone on 1/N of the "
                            "fleet, N the mean number of tenants present; the largest"),
    "rho_over_one_share": Definition("rho above 1", "share", "jobs that would have fared better "
                                     "alone on 1/N of the fleet"),
    "share_gap": Definition("share gap", "share", "part of all work in the window that went to "
                            "other tenants than the scheduler's targets meant it for"),
    "backlog_growth_device_hours_per_day": Definition(
        "queue growth", "device-h a day", "least-squares slope of the work in the queue over the "
        "last three quarters of the window, in device-hours of the reference chip"),
    "is_sustained": Definition("sustained", "", "no deadlock, and the queue does not both grow by "
                               "2 % of the arriving work and end above half a day of it"),
    "decision_p99_ms": Definition("decision, p99", "ms", "measured time of one decision of the "
                                  "scheduler on this machine"),
    "devices": Definition("devices", "", "devices of the fleet"),
    "blocks": Definition("blocks", "", "blocks of the verified chain, where the whole domain took "
                         "part"),
    "seconds": Definition("seconds", "s", "measured time of the trial on this machine"),
}
