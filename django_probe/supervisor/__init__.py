"""The verdict from outside the application: `django-probe probe` starts the command and judges how it ended.

It imports nothing of Django and nothing of the project, whose settings and apps may do anything while they load.
"""
