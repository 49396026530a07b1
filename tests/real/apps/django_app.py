"""A Django project in one file, run by `python django_app.py runserver PORT`.

How it learns that it stands behind HTTPS is chosen by the environment: DJANGO_BELIEVES=1 sets SECURE_PROXY_SSL_HEADER,
DJANGO_TRUSTS=https://127.0.0.1:62893 sets CSRF_TRUSTED_ORIGINS; with neither, Django refuses forms sent over HTTPS.
"""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import path

TRUSTED = os.environ.get("DJANGO_TRUSTS", "")

settings.configure(
    DEBUG=True,
    SECRET_KEY="for tests",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https") if os.environ.get("DJANGO_BELIEVES") else None,
    CSRF_TRUSTED_ORIGINS=[TRUSTED] if TRUSTED else [],
    CSRF_COOKIE_SECURE=True,
)

WORD = "first"


def form(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return JsonResponse({"name": request.POST["name"], "secure": request.is_secure()})
    page = '<form method="post">{% csrf_token %}<input name="name"><button>Send</button></form>'
    return HttpResponse(engines["django"].from_string(page).render({}, request))


def seen(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"url": request.build_absolute_uri(), "host": request.get_host()})


def word(request: HttpRequest) -> HttpResponse:
    return HttpResponse(WORD)


def folder(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a folder")


urlpatterns = [path("form", form), path("seen", seen), path("word", word), path("folder/", folder)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
