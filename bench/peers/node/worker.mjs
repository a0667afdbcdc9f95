// A process that takes turns: for each number of milliseconds that comes in by
// standard input it handles the payload for at least so long, and writes what that
// took. node worker.mjs PEER PAYLOAD [forget]
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { context } from './context.mjs';
import { peers } from './peers.mjs';

const [name, file, forget] = process.argv.slice(2);
let events = 0;
let sum = 0;
const handler = await peers[name]({
  onNotification: async (n) => {
    events++;
    if (n) sum += n.order.total;
  },
  onOrder: async (o) => {
    events++;
    if (o) sum += o.lines[0].price;
  },
});
const text = readFileSync(file, 'utf8');

// What the Node runtime does for an invocation, but for its two HTTP requests.
async function invoke() {
  if (forget) handler.forget();
  return JSON.stringify(await handler(JSON.parse(text), context()));
}

for await (const line of createInterface({ input: process.stdin })) {
  const turn = Number(line) * 1e6;
  events = 0;
  sum = 0;
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  let n = 0;
  let wall = 0;
  do {
    await invoke();
    n++;
    wall = Number(process.hrtime.bigint() - start);
  } while (wall < turn);
  const used = process.cpuUsage(cpu);
  process.stdout.write(`\nturn: ${JSON.stringify({ n, wall, cpu: (used.user + used.system) * 1e3, events, sum })}\n`);
}
