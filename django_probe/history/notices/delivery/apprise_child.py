"""Sends one notice by apprise: `python -P apprise_child.py`, with JSON on standard input. Not imported.

It says one word on standard output. Nothing else does: a service that prints could say that word.
"""

import json
import os
import sys

if __name__ == "__main__":
    answer = os.dup(1)
    os.dup2(2, 1)
    said = json.load(sys.stdin)
    try:
        import apprise
    except ImportError:
        os.write(answer, b"missing")
        sys.exit()
    sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id="django-probe", http_redirects=False))
    if not sender.add(said["url"]):
        os.write(answer, b"unknown")
        sys.exit()
    for service in sender:
        service.redirects = False  # whatever the URL's own parameters say
    kind = apprise.NotifyType.SUCCESS if said["good"] else apprise.NotifyType.FAILURE
    text = apprise.NotifyFormat.TEXT
    sent = sender.notify(body=said["body"], title=said["title"], notify_type=kind, body_format=text)
    os.write(answer, b"sent" if sent else b"failed")
