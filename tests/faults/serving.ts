/** A whole cloud that serves its APIs from a process of its own, for tests that kill it. Prints its origin. Argument: folder. */
import { join } from 'node:path';
import pino from 'pino';
import { serveUnkai } from '../../src/assembly/serve.ts';

const [dataDir] = process.argv.slice(2) as [string];
const { origin } = await serveUnkai({
  dataDir,
  hypervisor: 'simulated',
  adminPassword: 'secret',
  log: pino({ level: 'error' }, pino.destination({ dest: join(dataDir, 'errors.log'), mkdir: true })),
  listen: '127.0.0.1',
  port: 0,
});
process.stdout.write(`${origin}\n`);
