// The least that runs a function under the Runtime API: the AWS runtime does more
// before the first invocation, so this is to Node's favour. node bootstrap.mjs FILE
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const root = '/2018-06-01/runtime/invocation/';
const { handler } = await import(pathToFileURL(path.resolve(process.argv[2])));

function request(method, target, body) {
  return new Promise((resolve, reject) => {
    const sent = http.request({ host, port, agent, method, path: root + target }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

for (;;) {
  const { headers, body } = await request('GET', 'next');
  const id = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    awsRequestId: id,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
  try {
    const answer = await handler(JSON.parse(body), context);
    await request('POST', `${id}/response`, JSON.stringify(answer ?? null));
  } catch (error) {
    await request('POST', `${id}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
}
