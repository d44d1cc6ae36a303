"""nginx before several processes of the app: each browser has one of them for good.

A session of the app lives in the memory of one process, so its socket, its uploads and
its pictures have to go there. A cookie of nginx's own says which.
"""

import getpass
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

INSTALL = "`apt install nginx-light`, or `brew install nginx`"
"""How to get it."""

_DEBIANS = "/usr/sbin"
"""Where Debian puts it, which is on the path of administrators only."""

_CONFIGURATION = """
daemon off;
worker_processes 1;
{user}
pid "{folder}/pid";
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path "{folder}/bodies";
  proxy_temp_path "{folder}/answers";
  fastcgi_temp_path "{folder}/unused";
  uwsgi_temp_path "{folder}/unused";
  scgi_temp_path "{folder}/unused";
  client_max_body_size 0; # the app's doors know what each page takes

  map $cookie_{cookie} $whose {{ default $cookie_{cookie}; "" $request_id; }}
  map $cookie_{cookie} $to_keep {{
    default "";
    "" "{cookie}=$request_id; Path=/; HttpOnly; SameSite=Lax";
  }}
  map $http_upgrade $kind {{ default upgrade; "" close; }}
  map $http_x_forwarded_proto $protocol {{
    default $http_x_forwarded_proto;
    "" $scheme;
  }}

  # A process that has died is started again: nobody is led to another meanwhile, for a
  # session must not have its socket here and its files there.
  upstream app {{
    hash $whose consistent;
    {servers}
  }}

  server {{
    listen {address}:{port};
    add_header Set-Cookie $to_keep always;
    location / {{
      proxy_pass http://app;
      proxy_next_upstream off;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $kind;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $protocol;
      proxy_request_buffering off; # a file that is refused is not read
      proxy_read_timeout 1d;
    }}
    error_page 502 504 = @again;
    location @again {{
      default_type text/plain;
      add_header Refresh 2 always;
      return 503 "This part of minigpt starts anew. One moment ...\\n";
    }}
  }}
}}
"""


def find_nginx() -> str | None:
    """Return the program, or None if it is not installed."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), _DEBIANS])
    return shutil.which("nginx", path=places)


def configuration(address: str, port: int, ports: Sequence[int], folder: Path) -> str:
    """Return what nginx is to do.

    Args:
        address: Where it listens, as in `0.0.0.0`.
        port: And at which port.
        ports: Where the processes of the app listen, on this machine.
        folder: Of its own, for what it must put down.
    """
    servers = "\n    ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports)
    # Started by root, it would do its work as somebody who may not write here.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return _CONFIGURATION.format(
        address=address,
        port=port,
        servers=servers,
        folder=str(folder).replace("\\", r"\\").replace('"', r"\""),
        cookie=f"minigpt_process_{port}",
        user=f"user {getpass.getuser()};" if is_root else "",
    )
