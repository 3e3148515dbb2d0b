#!/usr/bin/env python3
"""Workers that know nothing of taskd's protocol: what they say in the language of their own supervisor is heard."""
import os, shutil, signal, unittest

from harness import main, until
from programs import Programs, fresh_box

NODE = shutil.which("node")


@unittest.skipUnless(NODE, "needs node")
class Node(Programs):
    """Programs that were written against child_process of Node, and nothing else."""

    def node(self, text, **keys):
        return self.begin([NODE, self.write("w.js", text)], channel="node-ipc", **keys)

    def test_send_and_message_are_the_protocol(self):
        taskd = self.node("""
            process.on('message', m => {
              if (m.type !== 'stop') return;
              process.send({type: 'stopping'});
              setTimeout(() => process.send({type: 'end', unit: 'a', ok: true}, () => process.exit(0)), 300);
            });
            process.on('SIGTERM', () => { console.log('signalled'); process.exit(9); });
            process.send({type: 'begin', unit: 'a'});
            """)
        self.box.in_unit("w@1", "a")
        record = self.stop(taskd)
        self.check_record(record, "cancelled", "cooperative")
        self.assertTrue(record["stop"]["acked"])
        self.assertEqual((record["units"]["done"], record["units"]["lost"]), (1, 0))
        self.assertNotIn("signalled", self.box.out())

    def test_what_is_said_to_another_parent_is_no_error(self):
        taskd = self.node("""
            process.on('message', () => {});
            for (const m of ['ready', 7, null, [1], {}, {a: 1}, {type: 'process:msg', data: {}}, {cmd: 'NODE_HANDLE_ACK'},
                             {type: 'axm:monitor'}, 'x'.repeat(1000)]) process.send(m);
            process.on('SIGTERM', () => process.exit(0));
            console.log('up');
            """)
        self.until_out("up")
        record = self.stop(taskd)
        self.check_record(record, "cancelled", "cooperative")
        self.assertFalse(record["spoken"])
        self.assertNotIn("protocol error", self.box.err())

    def test_a_wrong_message_of_ours_is_an_error(self):
        taskd = self.node("process.on('message', () => {}); process.send({type: 'begin'}); console.log('up')")
        until("it is told", lambda: "begin without" in self.box.err())
        self.stop(taskd)

    def test_one_that_only_listens_gets_the_signal_as_well(self):
        taskd = self.node("process.on('message', m => console.log('got ' + m.type)); console.log('up')")
        self.until_out("up")
        record = self.stop(taskd)
        self.check_record(record, "cancelled", "cooperative")
        self.assertEqual(record["exit"]["signal"], signal.SIGTERM)

    def test_nothing_is_said_to_one_that_is_silent(self):
        """Until the stop; and it is told of the end of taskd."""
        taskd = self.node("""
            process.on('message', m => console.log('got ' + JSON.stringify(m)));
            process.on('disconnect', () => { require('fs').writeFileSync(process.argv[1] + '.left', ''); process.exit(0); });
            console.log('up ' + [process.env.TASKD_FD, process.env.TASKD_PROTO, process.connected]);
            """)
        self.until_out("up ,1,true")
        os.kill(taskd.pid, signal.SIGKILL)
        until("it has heard of the end", lambda: os.path.exists(self.box.path("w.js.left")))
        self.assertNotIn("got", self.box.out())

    def test_a_program_that_disconnects_is_stopped_by_the_signal(self):
        taskd = self.node("""
            process.send({type: 'ready'}, () => { process.disconnect(); console.log('gone'); });
            process.on('SIGTERM', () => process.exit(0));
            setInterval(() => {}, 1000);
            """)
        self.until_out("gone")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")

    def test_a_channel_of_taskds_own_parent_is_not_handed_on(self):
        """Node would take whatever has that number for its parent."""
        script = self.write("w.js", "console.log('channel ' + typeof process.send)")
        taskd = self.box.start("-c", self.box.config({"w": {"command": [NODE, script], "restart": "no"}}),
                               env={"NODE_CHANNEL_FD": "77", "NODE_CHANNEL_SERIALIZATION_MODE": "json"})
        self.until_out("channel undefined")
        self.stop(taskd)


PM2 = """
    process.on('message', m => {
      if (m !== 'shutdown') return;
      console.log('finishing');
      setTimeout(() => { console.log('finished'); process.exit(0); }, 300);
    });
    """


@unittest.skipUnless(NODE, "needs node")
class PM2Programs(Programs):
    def pm2(self, text, **keys):
        return self.begin([NODE, self.write("w.js", text)], channel="node-ipc", dialect="pm2", **keys)

    def test_ready_and_shutdown(self):
        taskd = self.pm2("process.on('SIGTERM', () => process.exit(9));" + PM2 +
                         "const wait = setInterval(() => { if (require('fs').existsSync(process.argv[1] + '.go'))"
                         "  { clearInterval(wait); process.send('ready'); } }, 10);",
                         start_timeout="1min")
        self.box.until_task("starts", "w@1", lambda t: t["state"] == "starting")
        self.write("w.js.go", "go")
        self.box.until_task("is ready", "w@1", lambda t: t["state"] == "running")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")
        self.assertIn("finishing\nfinished", self.box.out())

    def test_shutdown_alone_also_before_ready(self):
        """Whoever asks for the dialect promises to hear it: a signal would cut what it was doing."""
        taskd = self.pm2(PM2 + "console.log('up')")
        self.until_out("up")
        record = self.stop(taskd)
        self.assertEqual((record["exit"]["code"], record["exit"]["signal"]), (0, None))
        self.assertIn("finished", self.box.out())

    def test_with_a_stop_signal_it_gets_both(self):
        taskd = self.pm2("process.send('ready'); process.on('message', m => console.log('heard ' + m));"
                         "process.on('SIGINT', () => setTimeout(() => process.exit(0), 200)); console.log('up')",
                         stop_signal="INT")
        self.until_out("up")
        self.check_record(self.stop(taskd), "cancelled", "cooperative")
        self.assertIn("heard shutdown", self.box.out())


class ReadyByDescriptor(Programs):
    """A line feed on a descriptor, as for s6 and dinit."""

    def shell(self, script, **keys):
        return self.begin(["sh", "-c", script], ready="fd", **keys)

    def go_when(self, name):
        """Shell that waits for the file `name`, which write() makes."""
        return f"while ! test -e {self.box.path(name)}; do sleep 0.02; done; "

    def test_a_line_feed_is_ready(self):
        for channel in ("none", "json", "sd_notify"):
            with self.subTest(channel), fresh_box(self):
                taskd = self.shell(self.go_when("a") + "printf up >&4; " + self.go_when("b") + "echo >&4; exec sleep 1000",
                                   channel=channel)
                self.until_state("starting")
                self.write("a", "")
                self.assertEqual(self.box.task("w@1")["state"], "starting")
                self.write("b", "")
                self.until_state("running")
                self.check_record(self.stop(taskd), "cancelled", "cooperative")

    def test_the_descriptor_is_the_one_that_was_asked_for(self):
        self.shell("echo $TASKD_READY_FD; ls /proc/$$/fd; echo >&3; exec sleep 1000", channel="none", ready_fd=3)
        self.until_state("running")
        self.assertEqual(self.box.out().split(), ["3", "0", "1", "2", "3"])

    def test_closing_it_is_not(self):
        taskd = self.shell("printf nearly >&4; exec 4>&-; exec sleep 1000", channel="none", start_timeout="500ms")
        self.assertEqual(taskd.wait(60), 1)
        self.check_record(self.one_record(), "panicked", cause="start_timeout")

    def test_what_follows_does_no_harm(self):
        """More lines and more bytes than a pipe holds: nobody dies of SIGPIPE, nobody waits."""
        taskd = self.shell("echo >&4; echo again >&4; head -c 300000 /dev/zero >&4 && echo done; exec sleep 1000",
                           channel="none")
        self.until_out("done")
        self.until_state("running")
        self.stop(taskd)

    def test_after_waits_for_it(self):
        first = {"command": ["sh", "-c", self.go_when("a") + "echo >&4; exec sleep 1000"], "ready": "fd", "channel": "none"}
        self.box.start("-c", self.box.config({"first": first, "second": {"command": ["sleep", "1000"], "after": ["first"]}}))
        self.box.until_task("waits", "second@1", lambda t: t["state"] == "waiting")
        self.write("a", "")
        self.box.until_task("runs", "second@1", lambda t: t["state"] == "running")


if __name__ == "__main__":
    main()
