"""A WSGI application, for gunicorn: a request takes as many seconds as it asks for."""
import time


def app(environ, start_response):
    seconds = float(environ["QUERY_STRING"] or 0)
    print("request", flush=True)
    time.sleep(seconds)
    print("answered", flush=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served in full\n"]
