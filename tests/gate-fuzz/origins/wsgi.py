"""An origin as WSGI applications (PEP 3333) see requests: the server of the standard library.

It prints a JSON object a line of each request as the application was told of it: `environ` has the
strings of PEP 3333, in which each character is a byte.
"""

import base64
import io
import json
import socketserver
import sys
import threading
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

PRINTING = threading.Lock()


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def parse_request(self):
        if not super().parse_request():
            return False
        # The standard library leaves chunks to the application. Servers that are used in earnest do not.
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            body = self.read_chunks()
            if body is None:
                return False
            del self.headers["transfer-encoding"]
            del self.headers["content-length"]
            self.headers["content-length"] = str(len(body))
            self.rfile = io.BytesIO(body)
        return True

    def read_chunks(self):
        body = b""
        while line := self.rfile.readline().split(b";")[0]:
            size = int(line, 16)
            if size == 0:
                break
            body += self.rfile.read(size)
            self.rfile.readline()
        else:
            # It broke off, so there is nobody to answer.
            return None
        while self.rfile.readline().strip():
            pass
        return body

    def log_message(self, *_):
        pass


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    texts = {name: value for name, value in environ.items() if isinstance(value, str)}
    told = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "pairs": parse_qsl(environ["QUERY_STRING"], keep_blank_values=True),
        "headers": [[name[5:], value] for name, value in texts.items() if name.startswith("HTTP_")],
        "body": base64.b64encode(body).decode(),
    }
    with PRINTING:
        print(json.dumps(told), flush=True)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    # The server sends what it is given, in answer to HEAD as well.
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"ok\n"]


server = Server(("127.0.0.1", 0), Handler)
server.set_app(application)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
