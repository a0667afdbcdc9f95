// Runs one scenario through one peer, and writes what came of it. node probe.mjs
// PEER PAYLOAD MILLISECONDS-LEFT TIMES
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { context } from './context.mjs';
import { peers } from './peers.mjs';

const [name, file, left, times] = process.argv.slice(2);
const observed = { done: [] };
let unhandled;
process.on('unhandledRejection', (error) => {
  unhandled = error;
});

async function stumble(over) {
  if (over === 'fail') throw new Error('it failed');
  if (over === 'panic') throw 'it panicked';
  if (over === 'slow') await sleep(100);
}

const handler = await peers[name]({
  onNotification: async (n) => {
    await stumble(n.text);
    if (n.order.total > Number.MAX_SAFE_INTEGER) observed.total = String(n.order.total);
    observed.done.push(Number(n.id.slice(2)));
  },
  onOrder: async (o) => {
    await stumble(o.status);
    observed.done.push(Number(o.sk.slice(2).split('@')[0]));
  },
});
for (let i = 0; i < Number(times); i++) {
  const c = context(Number(left));
  const hung = Symbol();
  try {
    const answer = await Promise.race([handler(JSON.parse(readFileSync(file, 'utf8')), c), sleep(3000, hung)]);
    if (answer === hung) {
      observed.hung = true;
      if (unhandled) observed.error = unhandled.message ?? String(unhandled);
    } else {
      observed.answer = answer ?? null;
    }
  } catch (error) {
    observed.error = error?.message ?? String(error);
  }
  observed.late = !observed.hung && c.getRemainingTimeInMillis() === 0;
}
process.stdout.write(`\n${JSON.stringify(observed)}\n`, () => process.exit());
