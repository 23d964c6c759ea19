import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { hasS3Server, S3Server } from '../../../tests/support/s3-server.ts';
import { describeUploads } from '../../../tests/support/store-uploads.ts';
import { describeStore } from '../store-contract.ts';
import { openS3Store } from './s3-store.ts';
import { s3Place } from './s3-url.ts';

describe.skipIf(!hasS3Server)('over a real S3 server', () => {
  let server: S3Server;
  let folder: string;
  beforeAll(async () => {
    server = await S3Server.start();
    folder = mkdtempSync(join(tmpdir(), 'unkai-s3-local-'));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  describeStore('s3', () =>
    openS3Store({ name: 'far', place: s3Place(server.url()), localDirectory: folder, maxLocalBytes: 3 * 1024 * 1024 }),
  );

  describeUploads('s3', () => server.url().replace('/cloud?', '/uploads?'));
});
