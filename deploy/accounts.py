"""Who logs in to the pages, and where users and their permissions are kept: /accounts/ and /admin/."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.shortcuts import render
from django.urls import path
from django.utils.safestring import mark_safe
from django.views.generic import RedirectView

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

_STYLE: Final = (Path(__file__).resolve().parent / "templates" / "login.css").read_text(encoding="utf-8")
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; form-action 'self'; base-uri 'none'; "
    f"frame-ancestors 'none'"
)


class LoginView(views.LoginView):
    """Django's log-in, on a page of its own: no script, no file beside it, nothing from elsewhere."""

    template_name = "login.html"
    extra_context: Final = {"style": mark_safe(_STYLE)}  # noqa: S308 (a file of ours; quotes in it are CSS)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the page with a policy that allows its own style and nothing else."""
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = _POLICY
        return response


def locked_out(request: HttpRequest, _response: HttpResponseBase, _credentials: Any) -> HttpResponse:
    """Return the log-in page for whoever tried too often: 429, and for how long to wait."""
    wait = settings.AXES_COOLOFF_TIME
    context = {
        **LoginView.extra_context,
        "form": AuthenticationForm(request),
        "next": request.POST.get("next", ""),
        "wait": int(wait.total_seconds() // 60),
    }
    response = render(request, LoginView.template_name, context, status=429)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Retry-After"] = str(int(wait.total_seconds()))
    return response


admin.site.site_header = admin.site.site_title = "Probes"
admin.site.site_url = "/probe/"

urlpatterns = [
    path("accounts/login/", LoginView.as_view(), name="login"),
    path("accounts/logout/", views.LogoutView.as_view(), name="logout"),
    # People type it without the slash. A redirect is fine here; below /probe nothing redirects.
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
]
