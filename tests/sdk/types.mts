/* Compiles, if index.d.ts says what it should. */
import { open, worker, type TaskdError, type Worker } from 'taskd';

const w: Worker = worker();
w.ready();
for await (const path of w.units(['a'])) w.progress(path.toUpperCase(), 1, undefined, 'half');
for await (const row of w.units([{ n: 1 }], { id: (r) => r.n, timeoutMs: 3 })) row.n.toFixed();
const n: number = await w.unit('a', async () => 3, { retry: true });
try {
  w.begin(3, { timeoutMs: 1 });
} catch (e) {
  if ((e as TaskdError).code === 'ECANCELED') w.fail(3, e);
}
w.log('info', 'x');
w.log(3, 'y');
w.result({ n });
w.result(undefined, { complete: true });
await w.stopped;
const unit = await w.next();
if (unit && !w.signal.aborted) w.status(`${unit.id} ${unit.data.path} ${unit.attempt}`);
await w.close();
await (await open()).close();
// @ts-expect-error a level that there is not
w.log('loud', 'x');
// @ts-expect-error a unit needs a name
w.begin();
