// A Node worker that was written for the parent that forks it (child_process), and for nothing else. It says which order it has
// in hand, and leaves between two when it is told to stop, or when its parent is gone.
const orders = Number(process.argv[2] || Infinity), slow = Number(process.argv[3] || 100);
let stopping = false;
process.on('message', message => { stopping = stopping || message.type === 'stop'; });
process.on('disconnect', () => { stopping = true; });

const say = message => { if (process.connected) process.send(message); };
const pack = order => new Promise(done => setTimeout(done, slow, order));

async function main() {
  for (let order = 1; order <= orders && !stopping; order++) {
    say({type: 'begin', unit: `order-${order}`});
    console.log(`packing ${order}`);
    await pack(order);
    console.log(`packed ${order}`);
    say({type: 'end', unit: `order-${order}`, ok: true});
  }
  if (process.connected) process.disconnect();
}
main();
