/**
 * A cloud in a process of its own, for a test that kills it while an image is copied. Arguments: its folder, its further
 * image stores as `--store` takes them, and a file to upload, after which it waits to be killed.
 */
import { createReadStream } from 'node:fs';
import pino from 'pino';
import { parseStore } from '../../src/assembly/image-stores.ts';
import { openUnkai } from '../../src/assembly/open-unkai.ts';
import { operator } from '../../src/cloud/identity/subject.ts';

const [dataDir, store, file] = process.argv.slice(2) as [string, string, string];
const { cloud } = await openUnkai({
  dataDir,
  hypervisor: 'simulated',
  adminPassword: 'secret',
  log: pino({ level: 'silent' }),
  imageStores: [parseStore(store)],
});
const subject = operator();
const { id } = await cloud.images.create(subject, { name: 'copied', diskFormat: 'raw', containerFormat: 'bare' });
await cloud.images.upload(subject, id, createReadStream(file), {});
process.stdout.write(`${id}\n`);
await new Promise(() => setInterval(() => {}, 1000));
