"""The kit for probes over HTTP: asks the live system as its users do, and keeps what was asked and what came.

The library that asks is imported with the first session: a run of other probes does not pay for it.
"""

from django_probe.http.json_values import JsonError
from django_probe.http.probe import HttpProbe
from django_probe.http.response import Headers, NoAnswerError, Response, Times
from django_probe.http.session import Session

__all__ = ["Headers", "HttpProbe", "JsonError", "NoAnswerError", "Response", "Session", "Times"]
