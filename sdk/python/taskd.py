"""Makes a program a cooperative worker of taskd(1): stopped between two units of work, never in the middle of one.

    import taskd

    with taskd.worker() as w:            # ready on entry, a result on exit
        for path in w.units(paths):      # a stop wins here ...
            resize(path)                 # ... and never in here

Run by hand (no TASKD_FD in the environment) the same program works alone: every call succeeds and does nothing.

Losing taskd is a stop, and no reason to cut a unit: what tells taskd something returns False then and raises nothing. Only
begin() raises: Stopped after a stop, BrokenPipeError when it finds taskd gone. OSError with EMSGSIZE: the message is longer
than taskd takes, and was not sent. ValueError, TypeError: no JSON. Nothing is printed; there are no signal handlers and no
threads. Threads may share a worker. In a child made by fork it does nothing, as by hand.

Units are named by strings, bytes, paths, or whatever str() makes a name of; what is not UTF-8 arrives as U+FFFD."""
# Copyright (c) 2026 the taskd authors. SPDX-License-Identifier: MIT
from __future__ import annotations

import atexit, contextlib, errno, json, math, os, re, select, socket, sys, threading, time, weakref
from collections import deque
from typing import (TYPE_CHECKING, Any, AsyncIterable, AsyncIterator, Callable, ContextManager, Deque, Dict, Iterable, Iterator,
                    List, NamedTuple, Optional, Set, Type, TypeVar, Union)

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

__version__ = "0.1.0"
__all__ = ["DRAIN", "STOP", "UNIT", "Stopped", "Unit", "Worker", "open", "unit", "units", "worker"]

STOP, UNIT, DRAIN = 1, 2, 4  # the bits of Worker.dispatch()

_MAX_MESSAGE, _LEAST_MESSAGE, _MAX_MESSAGE_CAP = 64 << 10, 1 << 10, 1 << 20
_END_ROOM = 64      # by so much the end of a unit, and `stopping`, may be longer than its beginning
_REASON_MAX = 2047
_MAX_DEPTH = 15     # one level is the message's own
_MAX_COUNT, _INT64 = 1 << 53, 1 << 63
_LEVELS = ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
_SURROGATE = re.compile("[\ud800-\udfff]")
_END: Any = object()
_T = TypeVar("_T")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Stopped(OSError):
    """A stop has been seen: no unit may begin any more. Its errno is ECANCELED."""


class Unit(NamedTuple):
    """A unit that taskd hands out."""
    id: str
    data: Any = None
    attempt: int = 1
    timeout_ms: Optional[int] = None


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _clean(value: object) -> str:
    """Fit for a message: NUL, and what stands for bytes that are not UTF-8, is U+FFFD."""
    text = os.fsdecode(value) if isinstance(value, (str, bytes, os.PathLike)) else str(value)
    return _SURROGATE.sub("\ufffd", text).replace("\0", "\ufffd")


def _name(unit: object) -> str:
    return _clean(unit.id if isinstance(unit, Unit) else unit)


def _count(number: int) -> int:
    return min(max(int(number), 0), _MAX_COUNT)


def _line(message: Dict[str, object]) -> bytes:
    return _SURROGATE.sub("\ufffd", _encode(message)).encode() + b"\n"


def _check(value: object, room: int = _MAX_DEPTH) -> None:
    """Refuses what json would write and taskd not read."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a NUL in a string")
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise ValueError("an integer of more than 64 bits")
    if isinstance(value, (dict, list, tuple)):
        if room == 0:
            raise ValueError(f"nested more than {_MAX_DEPTH} deep")
        if isinstance(value, dict) and len({str(key) for key in value}) < len(value):
            raise ValueError("two keys that are one in JSON")
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(inner, room - 1)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _from_now(ms: int) -> float:
    """A point in time; infinity for none, and for one that is too far away to be told."""
    now = _now_ms()
    return now + ms if 0 <= ms < _INT64 - now else math.inf


def _ms_from_env(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if re.fullmatch("[0-9]+", text) else -1


def _integer(message: Dict[str, Any], key: str, otherwise: int) -> int:
    value = message.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


class Worker:
    """One end of the conversation with taskd. Made by open() and worker()."""

    id: Optional[str] = None            # "resize@2"; None when run by hand
    input: Any = None                   # what the configuration's "input" holds
    resume: Any = None                  # the last checkpoint of the life before
    watchdog_ms: Optional[int] = None   # how long it may say nothing: say something, if only heartbeat(), twice as often

    def __init__(self, sock: Optional[socket.socket]) -> None:
        self.supervised = sock is not None  # False: run by hand
        # Reentrant: a finalizer or a signal handler of the program's may call in the middle of a call.
        self._lock = threading.RLock()
        self._sock = sock
        self._closed = self._gone = self._greeted = self._garbled = self._writing = False
        self._stopping = self._acked = self._drained = self._asked = self._resulted = False
        self._rest = b""                            # of a line that has not come whole
        self._pending: Deque[bytes] = deque()
        self._max_message = _MAX_MESSAGE
        self._grace_ms, self._deadline_ms = _ms_from_env("TASKD_GRACE_MS"), math.inf
        self._avoid: List[Any] = []
        self._begun: Dict[str, None] = {}           # units in flight, the last one begun last
        self._waiting: Optional[Unit] = None        # a unit that has arrived
        self._owed: Dict[str, int] = {}             # handed to this thread, and neither begun nor given back
        self._loops: Set[str] = set()               # the units that loops are in
        self._left: List[str] = []                  # units whose loop was left, by what is not known yet
        silence = _ms_from_env("TASKD_WATCHDOG_MS")
        if sock and silence >= 0:
            self.watchdog_ms = silence

    def __enter__(self) -> Worker:
        self.ready()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> bool:
        """Stopped, which says that no unit may begin any more, is a way to leave in order."""
        stopped = self._stopping and isinstance(error, Stopped)
        try:
            self._give_up(None if stopped else error)
            if (error is None or stopped) and not (self._resulted or self._closed):
                self.result(None, complete=not self.should_stop())
        finally:
            self.close()
        return stopped

    def close(self) -> None:
        """Ends the conversation. Units still open count as cut."""
        with self._lock:
            if not self._closed:
                self._give_up(None)
                self._give_back()
                self._closed = True
                self._detach()

    def _detach(self) -> None:
        sock, self._sock = self._sock, None
        if sock:
            sock.close()

    # --- what taskd says -----------------------------------------------------------------------------------------------

    def _greet(self) -> None:
        """Until taskd knows that this program speaks it would also send a signal to stop it: no unit may begin before."""
        self._say("hello", v=1, sdk="python/" + __version__)
        while self._sock and not (self._greeted or self._stopping or self._garbled):
            if not self._receive():
                self._wait(select.POLLIN)
        if self._garbled and not (self._greeted or self._stopping):
            raise _error(errno.EPROTO)
        self._settle()

    def _wait(self, event: int) -> None:
        fd = self.fileno()
        if fd >= 0 and not self._gone:
            poll = select.poll()
            poll.register(fd, event)
            poll.poll()

    def _receive(self) -> bool:
        """Reads once, without waiting. False: there is nothing more. Losing taskd latches the stop."""
        if self._sock is None or self._gone:
            return False
        try:
            data = self._sock.recv(16384, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._lost()
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_MESSAGE_CAP:  # no message is
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._hear(line)
        return True

    def _hear(self, line: bytes) -> None:
        try:
            message = json.loads(line.decode())
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            handler = _HANDLERS.get(str(message.get("type")))
            if handler:
                handler(self, message)
        elif not line.startswith(b'{"type":"stop"'):
            self._garbled = True
        elif not self._stopping:
            self._latch(_from_now(self._grace_ms))

    def _latch(self, deadline_ms: float) -> None:
        """A level, not an edge: a repeated stop only moves the deadline, as taskd says."""
        self._stopping, self._deadline_ms = True, deadline_ms

    def _lost(self) -> None:
        """The supervisor is gone, and that is a stop. There is nobody to tell."""
        if not self._stopping:
            self._latch(_from_now(self._grace_ms))
        self._gone = self._greeted = self._drained = self._acked = True
        self._waiting = None
        self._owed.clear()

    def _on_hello(self, message: Dict[str, Any]) -> None:
        if self._greeted:
            return
        self._greeted = True
        name, avoid, most = message.get("id"), message.get("avoid"), _integer(message, "max_message", 0)
        self.id = name if isinstance(name, str) else None
        self.input, self.resume = message.get("input"), message.get("resume")
        self._avoid = avoid if isinstance(avoid, list) else []
        if _LEAST_MESSAGE <= most <= _MAX_MESSAGE_CAP:
            self._max_message = most

    def _on_stop(self, message: Dict[str, Any]) -> None:
        deadline = _integer(message, "deadline_mono_ms", -1)
        self._latch(deadline if deadline >= 0 else math.inf)

    def _on_extended(self, message: Dict[str, Any]) -> None:
        self._deadline_ms = max(self._deadline_ms, _from_now(_integer(message, "granted_ms", 0)))

    def _on_drain(self, message: Dict[str, Any]) -> None:
        self._drained = True

    def _on_unit(self, message: Dict[str, Any]) -> None:
        name, timeout_ms = message.get("unit"), _integer(message, "timeout_ms", -1)
        if isinstance(name, str) and not self._waiting:  # one is asked for at a time
            self._asked = False
            self._waiting = Unit(name, message.get("data"), _integer(message, "attempt", 1), timeout_ms if timeout_ms >= 0 else None)

    # --- what is said: True, or False when taskd is gone ---------------------------------------------------------------

    def _say(self, kind: str, **fields: object) -> bool:
        return self._send(_line({"type": kind, **fields}))

    def _send(self, line: bytes, room: int = 0) -> bool:
        with self._lock:
            if self._closed:
                raise ValueError("the worker is closed")
            if not self._sock:
                return True
            if len(line) - 1 > self._max_message - room:
                raise _error(errno.EMSGSIZE)
            self._pending.append(line)
            return self._writing or self._flush()  # called in the middle of a line, which goes first

    def _flush(self) -> bool:
        self._writing = True
        try:
            while self._pending:
                self._write(memoryview(self._pending.popleft()))
        except (BrokenPipeError, ConnectionResetError):
            while self._receive():  # what taskd said last still counts
                pass
            self._lost()
        finally:
            self._pending.clear()
            self._writing = False
        return not self._gone

    def _write(self, rest: memoryview) -> None:
        while rest and self._sock:
            try:
                rest = rest[self._sock.send(rest, socket.MSG_NOSIGNAL):]
            except BlockingIOError:  # an event loop of the program's may have made it so
                self._wait(select.POLLOUT)

    def _settle(self) -> None:
        """After a stop: gives back what has not begun, and acknowledges once. taskd takes that for the promise that no unit
        begins any more."""
        if self._left:
            self._give_up(None)
        if self._stopping and not self._acked and self._sock:
            self._give_back()
            self._acked = True
            finishing: Dict[str, object] = {"finishing": next(reversed(self._begun))} if self._begun else {}
            self._say("stopping", **finishing)

    def _give_back(self, thread: Optional[int] = None) -> None:
        """Handed out (to this thread, or at all) and not begun: somebody else will get it, and its attempt does not count."""
        units = [unit for unit, owner in self._owed.items() if thread in (None, owner)]
        if self._waiting and thread is None:
            units.append(self._waiting.id)
            self._waiting = None
        for unit in units:
            self._owed.pop(unit, None)
            self._say("release", unit=unit)

    def ready(self) -> bool:
        """This worker is set up and can do its work."""
        return self._say("ready")

    def begin(self, unit: object, timeout_ms: Optional[int] = None) -> None:
        """A unit begins: from here to its end it is not cut while there is grace left. Raises Stopped once a stop has been
        seen, but does not look for one itself. `timeout_ms`: instead of the configured unit_timeout."""
        if timeout_ms is not None and timeout_ms < 0:
            raise ValueError("timeout_ms is negative")
        name = _name(unit)
        message: Dict[str, object] = {"type": "begin", "unit": name}
        if timeout_ms is not None:
            message["timeout_ms"] = _count(timeout_ms)
        with self._lock:
            self._settle()
            if self._stopping:
                raise Stopped(errno.ECANCELED, "a stop has been asked for")
            if not self._send(_line(message), _END_ROOM):
                raise _error(errno.EPIPE)
            self._owed.pop(name, None)
            self._begun[name] = None

    def progress(self, unit: object, done: int = -1, total: int = -1, msg: Optional[str] = None) -> bool:
        """How far an open unit is. done and total in any measure, -1: unknown."""
        fields: Dict[str, object] = {key: _count(n) for key, n in (("done", done), ("total", total)) if n >= 0}
        if msg is not None:
            fields["msg"] = _clean(msg)
        return self._say("progress", unit=_name(unit), **fields)

    def checkpoint(self, unit: object, value: Any) -> bool:
        """Where to go on: the next life of this task finds the last of these values in `resume`. Best between two units,
        when what it tells is safe on disk; `unit` is the one that it follows."""
        _check(value)
        return self._say("progress", unit=_name(unit), resume=value)

    def end(self, unit: object) -> bool:
        """The unit has ended well."""
        return self._end(_name(unit), ok=True)

    def fail(self, unit: object, type: Optional[str] = None, msg: Optional[str] = None, retry: bool = False) -> bool:
        """The unit has ended badly. `retry`: doing it again may help. A long message is cut, and left out where taskd would
        not take it: that the unit has ended must arrive."""
        message = _clean(msg or "").encode()[:_REASON_MAX].decode(errors="ignore")
        try:
            error = {"type": None if type is None else _clean(type), "message": message, "retry": retry}
            return self._end(_name(unit), ok=False, error=error)
        except OSError as e:
            if e.errno != errno.EMSGSIZE:
                raise
            return self._end(_name(unit), ok=False)

    def _end(self, unit: str, **fields: object) -> bool:
        with self._lock:
            self._begun.pop(unit, None)
            self._owed.pop(unit, None)
            return self._say("end", unit=unit, **fields)

    def heartbeat(self) -> bool:
        """Still alive, for a worker with a watchdog."""
        return self._say("heartbeat")

    def status(self, text: str) -> bool:
        """One line for people: shown by `taskd status`."""
        return self._say("status", text=_clean(text))

    def extend(self, ms: int) -> bool:
        """Asks for so much more grace, counted from now. Does not wait for the answer: see remaining_ms()."""
        return self._say("extend", ms=_count(ms))

    def log(self, level: int, msg: str) -> bool:
        """A line in taskd's log, behind this task's name. level as in syslog: 3 error, 4 warning, 6 info, 7 debug."""
        return self._say("log", level=_LEVELS[min(max(level, 0), len(_LEVELS) - 1)], msg=_clean(msg))

    def result(self, value: Any = None, complete: bool = True) -> bool:
        """The value of this life; the last one counts. `complete`: everything was done, also in spite of a stop."""
        _check(value)
        told = self._say("result", value=value, complete=complete)
        self._resulted = True
        return told

    # --- what a worker's loop asks -------------------------------------------------------------------------------------

    def avoids(self, unit: object) -> bool:
        """Has this unit been in flight at so many deaths of the worker that it is better left alone?"""
        return _name(unit) in self._avoid

    def fileno(self) -> int:
        """The channel, for select and event loops: when it is readable, call dispatch(). -1 when run by hand. Stop watching
        it once dispatch() has returned STOP: where taskd is gone, it stays readable for ever."""
        sock = self._sock
        return sock.fileno() if sock else -1

    fd = property(fileno)

    def should_stop(self) -> bool:
        """Has a stop been asked for? Once true, always true. Costs a look at the socket until then, and nothing afterwards.
        The first time it is true the stop is acknowledged, and units that have not begun are given back."""
        if self._acked and not self._left:
            return True
        with self._lock:
            while not self._stopping and self._receive():
                pass
            self._settle()
            return self._stopping

    def dispatch(self) -> int:
        """Reads what is there, without waiting. Returns the bits that hold now: STOP (finish the current units, begin no
        more, leave), UNIT (next() returns at once), DRAIN (no more units will be handed out)."""
        with self._lock:
            while self._receive():
                pass
            self._settle()
            return (self._stopping and STOP) | (self._waiting is not None and UNIT) | (self._drained and DRAIN)

    def remaining_ms(self) -> float:
        """Milliseconds until taskd kills this process, 0 when that is overdue, math.inf where there is no deadline; -1: no
        stop was asked for."""
        with self._lock:
            self.dispatch()  # the deadline may have moved since the stop
            return max(self._deadline_ms - _now_ms(), 0) if self._stopping else -1

    def next(self) -> Optional[Unit]:
        """Asks for one unit and waits for it; begin() comes next. None: a stop, or there are no more (also when run by
        hand). One that was handed to this thread before and has not begun is given back."""
        me = threading.get_ident()
        with self._lock:
            self._give_back(me)
        while self._sock:
            with self._lock:
                over = self.dispatch() & (STOP | DRAIN)
                unit, self._waiting = self._waiting, None
                if unit:
                    self._owed[unit.id] = me
                if unit or over:
                    return unit
                if not self._asked:
                    self._asked = True
                    self._say("next", slots=1)
            self._wait(select.POLLIN)
        return None

    # --- units ---------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def unit(self, unit: object, timeout_ms: Optional[int] = None) -> Iterator[None]:
        """`with w.unit(name):` begins and ends it; an exception fails it, and goes on. Looks for a stop first, and raises
        Stopped."""
        name = _name(unit)
        self.should_stop()
        self.begin(name, timeout_ms)
        try:
            yield
        except BaseException as error:
            self.fail(name, type(error).__name__, str(error))
            raise
        self.end(name)

    def units(self, items: Iterable[_T], name: Callable[[_T], object] = _name) -> Iterator[_T]:
        """Each turn of a loop over `items` is a unit, named by name(item). A stop ends the loop, and so does losing taskd. It
        is looked for before an item is taken, so that none taken out of a queue is lost. iter(w.next, None) is what taskd
        hands out.

        A turn that does not come back has failed. By which exception, or whether it was `break`, a loop is not told; what
        leaves the block of the worker is known. To leave a loop in a turn that went well, use unit()."""
        source = iter(items)
        while not self.should_stop():
            item = next(source, _END)
            unit = self._begins(item, name)
            if unit is None:
                return
            with self._turn(unit):
                yield item

    async def aunits(self, items: Union[Iterable[_T], AsyncIterable[_T]], name: Callable[[_T], object] = _name) -> AsyncIterator[_T]:
        """units() for `async for`. A stop also ends the wait for an item that comes asynchronously."""
        source = (items if isinstance(items, AsyncIterable) else _async(items)).__aiter__()
        while not self.should_stop():
            item: Any = await self._pull(source)
            unit = self._begins(item, name)
            if unit is None:
                return
            with self._turn(unit):
                yield item

    async def stopped(self) -> None:
        """Returns once a stop has been asked for: by hand, never."""
        while not self.should_stop():
            with self._readable() as readable:
                await readable

    def _begins(self, item: Any, name: Callable[[Any], object]) -> Optional[str]:
        """The name of the unit that has begun. None: the loop is over."""
        unit = None if item is _END else _name(name(item))
        if unit is not None:
            try:
                self.begin(unit)
            except (Stopped, BrokenPipeError):
                return None
        return unit

    @contextlib.contextmanager
    def _turn(self, unit: str) -> Iterator[None]:
        """Of a loop. Where the loop is left, its iterator is closed, and not told why."""
        self._loops.add(unit)
        try:
            yield
        except BaseException:
            self._left.extend(self._loops & {unit})  # unless that is known by now
            raise
        else:
            self.end(unit)
        finally:
            self._loops.discard(unit)

    def _give_up(self, error: Optional[BaseException]) -> None:
        """Fails the units whose loops were left. An exception that leaves the worker leaves every loop."""
        with self._lock:
            units, self._left = self._left + (list(self._loops) if error else []), []
            self._loops.difference_update(units)
            name, msg = (type(error).__name__, str(error)) if error else ("left", "its loop was left in the middle of the unit")
            for unit in units:
                self.fail(unit, name, msg)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[asyncio.Future[None]]:
        """Done when there is something to read. An event loop has one watcher for a descriptor, so this is another one."""
        import asyncio
        loop = asyncio.get_running_loop()
        future, fd = loop.create_future(), os.dup(self.fileno()) if self._sock else -1
        try:
            if fd >= 0:
                loop.add_reader(fd, lambda: None if future.done() else future.set_result(None))
            yield future
        finally:
            if fd >= 0:
                loop.remove_reader(fd)
                os.close(fd)

    async def _pull(self, source: AsyncIterator[Any]) -> Any:
        """The next item, or _END: there is none, or a stop came first."""
        import asyncio
        item = asyncio.ensure_future(source.__anext__())
        try:
            while not item.done():
                with self._readable() as readable:
                    await asyncio.wait([item, readable], return_when=asyncio.FIRST_COMPLETED)
                if not item.done() and self.should_stop():
                    return _END
            return item.result()
        except StopAsyncIteration:
            return _END
        finally:
            if not item.done():
                item.cancel()
                await asyncio.wait([item])


_HANDLERS: Dict[str, Callable[[Worker, Dict[str, Any]], None]] = {
    "hello": Worker._on_hello, "stop": Worker._on_stop, "extended": Worker._on_extended, "drain": Worker._on_drain, "unit": Worker._on_unit}


async def _async(items: Iterable[_T]) -> AsyncIterator[_T]:
    for item in items:
        yield item


# --- the worker of this process ----------------------------------------------------------------------------------------

_workers: weakref.WeakSet[Worker] = weakref.WeakSet()
_opening = threading.RLock()
_default: Optional[Worker] = None


def _inherited() -> Optional[socket.socket]:
    """The channel that TASKD_FD names."""
    text = os.environ.get("TASKD_FD")
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,10}", text) or int(text) >= 1 << 31:
        raise _error(errno.EBADF)
    sock = socket.socket(fileno=int(text))
    sock.settimeout(None)  # whatever the program's default is
    sock.set_inheritable(False)
    del os.environ["TASKD_FD"]
    return sock


def open() -> Worker:
    """Begins the conversation: takes the descriptor that TASKD_FD names, so that no child has it, says hello and waits for the
    answer. A stop may come instead of it: then should_stop() is true at once. Raises OSError with EBADF or ENOTSOCK when
    TASKD_FD names no socket, and EPROTO when what answers does not speak the protocol."""
    global _default
    with _opening:
        w = Worker(_inherited())
        try:
            w._greet()
        except BaseException:
            w.close()
            raise
        _workers.add(w)
        if _default is None or _default._closed:
            _default = w
        return w


def worker() -> Worker:
    """The worker of this process: opened by the first call."""
    with _opening:
        return open() if _default is None or _default._closed else _default


def unit(unit: object, timeout_ms: Optional[int] = None) -> ContextManager[None]:
    """worker().unit()"""
    return worker().unit(unit, timeout_ms)


def units(items: Iterable[_T], name: Callable[[_T], object] = _name) -> Iterator[_T]:
    """worker().units()"""
    return worker().units(items, name)


def _leave() -> None:
    """At exit. An exception that ended the program has left its loops."""
    if _default and not _default._closed:
        _default._give_up(getattr(sys, "last_value", None))
        _default.close()


def _forked() -> None:
    """In the child. What it says would mix with what its parent says; a lock may be held by a thread that is not here."""
    global _opening
    _opening = threading.RLock()
    for w in _workers:
        w._lock = threading.RLock()
        w._detach()


atexit.register(_leave)
os.register_at_fork(after_in_child=_forked)
