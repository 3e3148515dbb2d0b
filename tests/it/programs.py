"""What the tests of programs that are no workers of taskd's have in common."""
import contextlib, signal, textwrap

from harness import Box, Case, until


class Programs(Case):
    def write(self, name, text):
        path = self.box.path(name)
        with open(path, "w") as f:
            f.write(textwrap.dedent(text))
        return path

    def begin(self, command, **keys):
        """taskd with one worker, `w`, that is never started again."""
        worker = {"command": command, "restart": "no", **keys}
        return self.box.start("-c", self.box.config({"w": worker}))

    def stop(self, taskd, status=0):
        taskd.send_signal(signal.SIGTERM)
        self.assertEqual(taskd.wait(60), status, self.box.err())
        return self.one_record()

    def until_out(self, text):
        until(f"it has printed {text}", lambda: text in self.box.out())

    def until_state(self, state):
        self.box.until_task(f"is {state}", "w@1", lambda t: t["state"] == state)


@contextlib.contextmanager
def fresh_box(case):
    """A box for one row of a table."""
    before, case.box = case.box, Box()
    try:
        yield
    finally:
        case.box.close()
        case.box = before
