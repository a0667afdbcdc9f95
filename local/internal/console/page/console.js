// The page asks for the state once a second. Rows are kept by their key and only
// what has changed is written, so that a button stays under the pointer.

const interval = 1000;
const find = (id) => document.getElementById(id);

// cell is a text, with a class; button is {label, act}.
const cell = (text, kind = '', button = null) => ({ text: String(text), kind, button });
const number = (n, kind = '') => cell(n.toLocaleString('en'), n === 0 ? 'n quiet' : `n ${kind}`);

function write(td, { text, kind, button }) {
  const label = button?.label ?? '';
  if (td.shown === `${text}|${label}|${kind}`) return;
  td.shown = `${text}|${label}|${kind}`;
  td.className = kind;
  td.replaceChildren(text);
  if (button) {
    const element = document.createElement('button');
    element.textContent = button.label;
    element.ariaLabel = button.title;
    element.addEventListener('click', () => button.act(element));
    td.append(element);
  }
}

// show has the table of that id hold the rows: [key, cell…].
function show(id, rows, none) {
  const body = find(id).tBodies[0];
  const columns = find(id).tHead.rows[0].cells.length;
  if (rows.length === 0) rows = [['', cell(none)]];
  const present = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  rows.forEach(([key, ...cells], index) => {
    let row = present.get(key);
    present.delete(key);
    if (!row) {
      row = document.createElement('tr');
      row.dataset.key = key;
      row.append(...cells.map(() => document.createElement('td')));
      if (cells.length < columns) {
        row.className = 'empty';
        row.cells[0].colSpan = columns;
      }
    }
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
    cells.forEach((content, column) => write(row.cells[column], content));
  });
  present.forEach((row) => row.remove());
}

const clock = (time) => new Date(time).toLocaleTimeString('en-GB');

function age(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1 << 20) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

function deadLetters(queue) {
  if (queue.deadLettersOf.length === 0) {
    return cell(queue.deadLetterQueue && `to ${queue.deadLetterQueue} after ${queue.maxReceives} ${queue.maxReceives === 1 ? 'receive' : 'receives'}`, 'quiet');
  }
  const moved = queue.moveStatus && `, last moved ${queue.moved}`;
  const button = queue.visible > 0 && {
    label: 'Redrive',
    title: `Redrive ${queue.name}`,
    act: (element) => redrive(queue, element),
  };
  return cell(`of ${queue.deadLettersOf.join(', ')}${moved}`, queue.visible > 0 ? 'warn' : 'quiet', button || null);
}

function render(state) {
  find('endpoint').textContent = state.endpoint;
  find('region').textContent = state.region;
  find('now').textContent = clock(state.now);
  show('queues', state.queues.map((q) => {
    const waiting = q.deadLettersOf.length > 0 ? 'warn' : '';
    return [q.name, cell(q.name), number(q.visible, waiting), number(q.inFlight), number(q.delayed),
      cell(q.visible + q.inFlight + q.delayed > 0 ? age(q.oldestSeconds) : '', 'n'), deadLetters(q)];
  }), 'No queues yet.');
  show('functions', state.functions.map((f) => [f.name, cell(f.name), number(f.running), number(f.succeeded), number(f.failed, 'bad'),
    cell(f.sources.map((s) => `${s.source}, up to ${s.batchSize}${s.reportPartial ? '' : ', failed items not reported'}`).join('\n')
      || 'topics, buckets, rules or calls', 'quiet')]), 'No functions yet.');
  show('tables', state.tables.map((t) => [t.name, cell(t.name), number(t.items), cell(size(t.bytes), 'n'),
    cell(t.stream ? `${t.view.toLowerCase().replaceAll('_', ' ')}${t.open ? '' : ', closed'}` : 'none', 'quiet'),
    t.stream ? number(t.written) : cell('', 'n')]), 'No tables yet.');
  const statuses = { RUNNING: 'warn', SUCCEEDED: 'good' };
  show('executions', state.executions.map((e) => [e.arn, cell(e.name), cell(e.machine),
    cell(e.error ? `${e.status}: ${e.error}` : e.status, statuses[e.status] ?? 'bad'), cell(e.state), cell(clock(e.started), 'n')]),
  'No executions yet.');
  find('executions-total').textContent = state.executionsTotal > state.executions.length
    ? `the latest ${state.executions.length} of ${state.executionsTotal}` : '';
  const outcomes = { succeeded: 'good', 'partly failed': 'warn' };
  show('deliveries', state.deliveries.map((d) => [String(d.number), number(d.number), cell(clock(d.at), 'n'), cell(d.function),
    cell(d.source), d.records > 0 ? number(d.records) : cell('', 'n'),
    cell(d.failed > 0 && d.failed < d.records ? `${d.outcome}: ${d.failed} of ${d.records}` : d.outcome, outcomes[d.outcome] ?? 'bad'),
    cell(`${d.millis.toFixed(1)} ms`, 'n'), cell(d.error, 'quiet')]), 'Nothing was delivered yet.');
}

function notice(text, bad = false) {
  const element = find('notice');
  element.textContent = text;
  element.className = bad ? 'bad' : '';
  element.hidden = false;
}

async function redrive(queue, button) {
  button.disabled = true;
  try {
    const response = await fetch('redrive', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ queue: queue.arn }),
    });
    if (!response.ok) throw new Error((await response.json()).error);
    notice(`The messages of ${queue.name} are on their way back to ${queue.deadLettersOf.join(', ')}.`);
    await refresh();
  } catch (error) {
    notice(`${queue.name} was not redriven: ${error.message}`, true);
  } finally {
    button.disabled = false;
  }
}

async function refresh() {
  const live = find('live');
  try {
    const response = await fetch('state');
    if (!response.ok) throw new Error(response.statusText);
    render(await response.json());
    live.textContent = 'live';
    live.className = 'on';
  } catch {
    live.textContent = 'not reachable';
    live.className = 'off';
  }
}

async function follow() {
  if (!document.hidden) await refresh();
  setTimeout(follow, interval);
}

document.addEventListener('visibilitychange', () => document.hidden || refresh());
follow();
