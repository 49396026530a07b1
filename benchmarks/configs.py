"""Configs: the files that nginx and Caddy are started with. Each records nothing."""

import os

# Version 1.22 leaves TLS 1.3 out unless it is named.
_NGINX = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit; {user}
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_timeout 600s; keepalive_requests 1000000000; tcp_nodelay on;
  client_max_body_size 0; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_certificate {pem}; ssl_certificate_key {pem}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off;
{inside}
}}
"""

_NGINX_FRONT = """\
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }}
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_request_buffering off; proxy_max_temp_file_size 0;
    }}
  }}"""

_NGINX_ORIGIN = """\
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
    location / {{ default_type text/plain; return 200 "{body}"; }}
  }}"""

_CADDY = """\
{{
  admin off
  auto_https off
  servers {{
    protocols h1 h2
  }}
}}
http://127.0.0.1:{plain} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{origin}
}}
https://localhost:{tls}, https://127.0.0.1:{tls} {{
  bind 127.0.0.1
  tls {pem} {pem}
  reverse_proxy 127.0.0.1:{origin}
}}
"""

BODY = 128  # bytes of the small answer


def nginx_front(*, folder: str, pem: str, plain: int, tls: int, origin: int) -> str:
    """Return a reverse proxy with kept upstream connections, which buffers neither way on disk."""
    return _nginx(folder, pem, _NGINX_FRONT.format(plain=plain, tls=tls, origin=origin))


def nginx_origin(*, folder: str, pem: str, plain: int, tls: int) -> str:
    """Return a server that answers everything with the same small body."""
    return _nginx(folder, pem, _NGINX_ORIGIN.format(plain=plain, tls=tls, body="x" * BODY))


def caddy_front(*, pem: str, plain: int, tls: int, origin: int) -> str:
    """Return a reverse proxy with Caddy's own defaults, and a certificate that is there already."""
    return _CADDY.format(pem=pem, plain=plain, tls=tls, origin=origin)


def _nginx(folder: str, pem: str, inside: str) -> str:
    user = "user root;" if os.geteuid() == 0 else ""  # its own user could not enter our folder
    return _NGINX.format(folder=folder, pem=pem, inside=inside, user=user)
