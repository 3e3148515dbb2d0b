"""A worker that serves what it was handed, and how to ask it: for the tests of sockets."""
import contextlib, json, os, random, signal, socket, sys

from harness import Case, until

# Each request is a unit: a line in, a line of JSON out. What it has not accepted when it is asked to stop stays in the queue.
SERVER = r"""
import json, os, select, signal, socket, sys

signal.signal(signal.SIGTERM, lambda *_: None)
channel = socket.socket(fileno=int(os.environ["TASKD_FD"]))
count = int(os.environ["LISTEN_FDS"]) if os.environ.get("LISTEN_PID") == str(os.getpid()) else 0
blocking = [os.get_blocking(3 + i) for i in range(count)]
sockets = [socket.socket(fileno=3 + i) for i in range(count)]
for s in sockets:
    s.setblocking(False)
me = {"pid": os.getpid(), "env": {k: v for k, v in os.environ.items() if k.startswith(("LISTEN", "TASKD"))}, "blocking": blocking,
      "inodes": [os.fstat(s.fileno()).st_ino for s in sockets], "fds": sorted(map(int, os.listdir("/proc/self/fd")))[:-1]}

def say(type, **fields):
    channel.sendall(json.dumps({"type": type, **fields}).encode() + b"\n")

def serve(number, s):
    if s.type == socket.SOCK_DGRAM:
        data, peer = s.recvfrom(1000)
        s.sendto(json.dumps({**me, "index": number}).encode(), peer)
        return
    try:
        connection, _ = s.accept()
    except BlockingIOError:
        return
    say("begin", unit="request")
    connection.setblocking(True)
    connection.makefile("rb").readline()
    connection.sendall(json.dumps({**me, "index": number}).encode())
    connection.close()
    say("end", unit="request", ok=True)

say("hello", v=1)
say("ready")
while True:
    ready = select.select([channel, *sockets], [], [])[0]
    if channel in ready:
        line = channel.recv(65536)
        if not line or b'"stop"' in line:
            say("stopping")
            break
    for number, s in enumerate(sockets):
        if s in ready:
            serve(number, s)
"""


def loopback():
    """An address that nobody else has: hundreds of thousands of them are this machine's own."""
    return "127.%d.%d.%d:%d" % (random.randint(1, 254), random.randint(0, 254), random.randint(1, 254), random.randint(20000, 30000))


def connect(address, timeout=60):
    if address.startswith("/"):
        with contextlib.ExitStack() as stack:
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.settimeout(timeout)
            s.connect(address)
            stack.pop_all()
            return s
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


def ask(address):
    with connect(address) as s:
        s.sendall(b"hello\n")
        return json.loads(s.makefile("rb").read())


def refuses(address):
    try:
        with connect(address):
            return False
    except (ConnectionRefusedError, FileNotFoundError):
        return True


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        return True
    return False


class Sockets(Case):
    def setUp(self):
        super().setUp()
        with open(self.box.path("server.py"), "w") as f:
            f.write(SERVER)

    def server(self, *sockets, **keys):
        return {"command": [sys.executable, self.box.path("server.py")], "sockets": list(sockets), "start_timeout": "60s", **keys}

    def write(self, workers, **sockets):
        self.box.config(workers, "new.json", sockets={k: v if isinstance(v, dict) else {"listen": v} for k, v in sockets.items()})
        os.replace(self.box.path("new.json"), self.box.path("taskd.json"))

    def start(self, workers, sockets, **how):
        self.write(workers, **sockets)
        self.p = self.box.start("-c", self.box.path("taskd.json"), **how)
        self.assertIsNone(self.p.poll(), self.box.err())
        self.all_run()

    def fill(self, path):
        """Connects until the queue is full. Returns how often."""
        for n in range(100):
            s = socket.socket(socket.AF_UNIX)
            self.addCleanup(s.close)
            s.setblocking(False)
            try:
                s.connect(path)
            except BlockingIOError:
                return n

    def all_run(self):
        until("all run", lambda: all(t["state"] == "running" and not t["due"] for t in self.box.tasks().values()))

    def reload(self, workers, **sockets):
        self.write(workers, **sockets)
        done = self.box.cli("reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.all_run()

    def refused_reload(self, workers, **sockets):
        self.write(workers, **sockets)
        done = self.box.cli("reload")
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.p.wait(60), 0)
