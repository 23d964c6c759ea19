import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../cloud/cloud.ts';
import { newId, withDashes } from '../../../env/env.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';
import { concludeJob } from './job-result.ts';

/** The cloud, some seconds later. */
function later(cloud: Cloud, seconds: number): Cloud {
  return Object.assign(Object.create(cloud) as Cloud, {
    env: { ...cloud.env, now: () => cloud.env.now() + seconds * 1e6 },
  });
}

describe('jobs of a process that died', () => {
  let zstack: TestZStack;
  let files: ImageFiles;
  beforeAll(async () => {
    zstack = await TestZStack.start();
    files = await ImageFiles.start();
  });
  afterAll(async () => {
    await files.stop();
    await zstack.stop();
  });

  /** An import under way that was asked for as `id`, of which the job's row knows nothing yet. */
  async function begunImport(id: string, file: string): Promise<string> {
    const requestId = `req-${withDashes(id)}`;
    const subject = (await zstack.cloud.identity.sessions.sessionSubject(zstack.session, requestId))!;
    const url = files.url(file);
    const { image } = await zstack.cloud.images.imports.add(subject, { name: file, containerFormat: 'bare' }, { url });
    return image.id;
  }

  it('are answered by the action that their request began', async () => {
    const { jobs } = zstack.cloud;
    const job = await jobs.begin(undefined, { operation: 'AddImage' });
    await begunImport(job.id, 'quick.qcow2');
    let reply = await zstack.call('GET', `/api-jobs/${job.id}`);
    while (reply.status === 202) reply = await zstack.call('GET', `/api-jobs/${job.id}`);
    expect(reply).toMatchObject({ status: 200, json: {} });
    expect(await jobs.find(job.id)).toMatchObject({ result: { status: 200 } });
  });

  it('have failed when their request never got so far', async () => {
    const { cloud } = zstack;
    const job = await cloud.jobs.begin(undefined, { operation: 'AddImage' });
    expect(await concludeJob(cloud, job, 0)).toBeUndefined();
    expect(await concludeJob(later(cloud, 600), job, 0)).toMatchObject({
      status: 503,
      body: { error: { code: 'SYS.1012' } },
    });
    expect((await zstack.call('GET', `/api-jobs/${job.id}`)).json).toMatchObject({ error: { code: 'SYS.1012' } });
  });

  it('are gone on with by the process that began them: others wait for it, as long as it says so', async () => {
    const { cloud } = zstack;
    const id = newId(cloud.env);
    const uuid = await begunImport(id, 'quick.qcow2');
    const actionId = (await cloud.jobs.actionOfRequest(`req-${withDashes(id)}`))!;
    await cloud.runner.wait(actionId, { timeoutMs: 60_000 });
    await cloud.jobs.begin(undefined, { id, operation: 'AddImage' });
    await cloud.jobs.continueUntil(id, cloud.env.now() + 30e6);
    await cloud.jobs.attach(id, actionId, { uuid, continued: true });
    const job = (await cloud.jobs.find(id))!;
    expect(await concludeJob(cloud, job, 0)).toBeUndefined();
    const given = await concludeJob(later(cloud, 31), job, 0);
    expect(given?.status).toBe(503);
    expect(JSON.stringify(given?.body)).toContain(`the management node was restarted before job[${id}] was done`);
  });

  it('fail when they take longer than they may, and tell their web hook how they ended otherwise', async () => {
    const { cloud } = zstack;
    const seen: unknown[] = [];
    let told = () => {};
    const understood = new Promise<void>((resolve) => {
      told = resolve;
    });
    const hook = createServer((request, response) => {
      request.resume();
      seen.push(request.headers['x-job-success']);
      response.end();
      told();
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    try {
      const webHook = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
      const owing = await cloud.jobs.begin(undefined, { operation: 'AddImage', webHook });
      const uuid = await begunImport(owing.id, 'slow.qcow2');
      const actionId = (await cloud.jobs.actionOfRequest(`req-${withDashes(owing.id)}`))!;
      await cloud.jobs.attach(owing.id, actionId, { uuid, timeoutSeconds: 3600 });
      const impatient = await cloud.jobs.begin(undefined, { operation: 'AddImage' });
      await cloud.jobs.attach(impatient.id, actionId, { uuid, timeoutSeconds: 5 });
      const job = (await cloud.jobs.find(impatient.id))!;
      expect(await concludeJob(later(cloud, 6), job, 0)).toMatchObject({
        status: 503,
        body: { error: { code: 'SYS.1001', details: 'the operation[AddImage] did not end within 5 seconds' } },
      });
      files.release();
      await understood;
      expect(seen).toEqual(['true']);
      expect(await cloud.jobs.find(owing.id)).toMatchObject({
        result: { body: { inventory: { uuid, status: 'Ready' } } },
      });
    } finally {
      await new Promise((resolve) => hook.close(resolve));
    }
  });
});
