"""A Flask app as people write them: sessions, redirects, files, a stream.  It trusts the proxy in front of it, once."""

from collections.abc import Iterator

from flask import Flask, Response, jsonify, redirect, request, session, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.secret_key = "for tests"
app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax")
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_port=1)  # type: ignore[method-assign]


@app.post("/login")
def login() -> Response:
    session["name"] = request.form["name"]
    return redirect(url_for("me", _external=True))  # type: ignore[return-value]


@app.get("/me")
def me() -> Response:
    return jsonify(name=session.get("name"), url=request.url, remote=request.remote_addr, secure=request.is_secure)


@app.post("/files")
def files() -> Response:
    sent = request.files["file"]
    return jsonify(name=sent.filename, size=len(sent.read()), kind=sent.mimetype)


@app.post("/json")
def as_json() -> Response:
    return jsonify(request.get_json())


@app.get("/rows")
def rows() -> Response:
    """Stream without a length: werkzeug ends it by closing (HTTP/1.0) or in chunks (HTTP/1.1)."""

    def lines() -> Iterator[str]:
        for number in range(1000):
            yield f"{number}\n"

    return Response(lines(), mimetype="text/csv")


@app.get("/broken")
def broken() -> Response:
    raise RuntimeError("as asked")
