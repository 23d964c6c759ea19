import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findProgram } from '../../../../guest/requirements.ts';
import { tinyLinuxMinimumMemory } from '../../../../guest/tinylinux.ts';
import { realEnv } from '../../../env/real.ts';
import { guestFiles } from './command-line.ts';
import { GuestAgent } from './guest-agent.ts';
import type { QemuHost } from './qemu-host.ts';
import { TinyLinuxBench } from './tinylinux-bench.fixture.ts';

const env = realEnv();
const long = 10_000;

describe('a conversation with a guest agent', () => {
  let folder: string;
  let server: Server;
  const connected: Socket[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unkai-agent-'));
  });
  afterEach(async () => {
    for (const socket of connected.splice(0)) socket.destroy();
    await new Promise((closed) => server.close(closed));
    await rm(folder, { recursive: true, force: true });
  });

  /** Something in a guest that says this to each line that it is told. */
  async function guestThat(answer: (line: string) => string | Buffer | undefined): Promise<void> {
    server = createServer((socket) => {
      connected.push(socket);
      socket.on('error', () => {});
      let text = '';
      socket.setEncoding('latin1');
      socket.on('data', (more: string) => {
        text += more;
        for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
          const said = answer(text.slice(0, end).replace('\xff', ''));
          text = text.slice(end + 1);
          if (said !== undefined) socket.write(said);
        }
      });
    });
    await new Promise<void>((listening) => server.listen(join(folder, guestFiles.agent), listening));
  }

  const echo = (line: string) => {
    const { execute, arguments: args } = JSON.parse(line) as { execute: string; arguments?: { id: number } };
    if (execute === 'guest-sync-delimited')
      return Buffer.concat([
        Buffer.from('{"return": {}}\n'),
        Buffer.from([0xff]),
        Buffer.from(`{"return": ${args!.id}}\n`),
      ]);
    return execute === 'guest-ping'
      ? '{"return": {}}\n'
      : '{"error": {"class": "CommandNotFound", "desc": "no such command"}}\n';
  };

  it('begins where it synchronised, whatever an earlier one left', async () => {
    await guestThat(echo);
    using agent = await GuestAgent.open(folder, env, long);
    expect(await agent.execute('guest-ping', undefined, long)).toEqual({});
    await expect(agent.execute('guest-dance', undefined, long)).rejects.toMatchObject({
      code: 'hypervisor_failed',
      message: 'the guest agent refused: no such command',
    });
  });

  it.each([
    ['nothing', () => undefined],
    ['nonsense', () => 'hello\n'],
    ['too much', () => Buffer.alloc(3 * 2 ** 20, 'x')],
  ])('does not begin with a guest that says %s', async (_, answer) => {
    await guestThat(answer);
    await expect(GuestAgent.open(folder, env, 200)).rejects.toMatchObject({ code: 'unsupported' });
  });
});

if (!findProgram('qemu-ga'))
  console.warn('The agent in guests is not tested: qemu-ga (package qemu-guest-agent) is missing');
describe.skipIf(!findProgram('qemu-ga'))('the agent in a real guest', () => {
  const bootTimeout = 300_000;
  let bench: TinyLinuxBench;
  let host: QemuHost;
  let serverId: string;

  beforeAll(async () => {
    bench = await TinyLinuxBench.open('agent-guest');
    host = bench.host;
    ({ serverId } = await bench.start());
  }, bootTimeout);
  afterAll(() => bench.close());

  it(
    'answers once it has begun, changes passwords, holds file systems still, and is silent while the guest is paused',
    async () => {
      expect(await host.hasGuestAgent(serverId)).toBe(false);
      const options = { timeout: bootTimeout, interval: 100 };
      await expect.poll(() => host.hasGuestAgent(serverId), options).toBe(true);

      const shell = await bench.shell(serverId);
      const shadow = async () => /^root:([^:]*):/m.exec(await shell.run('cat /etc/shadow'))![1];
      expect(await shadow()).toBe('*');
      await host.setGuestPassword(serverId, { user: 'root', password: 'correct horse: "battery"' });
      const first = await shadow();
      expect(first!.length).toBeGreaterThan(10);
      await host.setGuestPassword(serverId, { user: 'root', password: 'another' });
      expect(await shadow()).not.toBe(first);
      await expect(host.setGuestPassword(serverId, { user: 'nobody-here', password: 'x' })).rejects.toMatchObject({
        code: 'hypervisor_failed',
      });

      const target = { kind: 'file' as const, path: join(bench.root, 'export.qcow2') };
      await host.exportDisk({ diskId: serverId, serverId, format: 'qcow2', target });
      // Were they still frozen, nobody could write to them.
      expect(await shell.run('echo thawed >/disk/thawed && sync && cat /disk/thawed')).toBe('thawed\n');

      const figures = await host.guestDiagnostics(serverId);
      expect(figures).toMatchObject({ state: 'running', memory: { maximumMb: tinyLinuxMinimumMemory }, nics: [] });
      expect(figures.vcpus[0]!.nanoseconds).toBeGreaterThan(1e8);
      expect(figures.disks[0]).toMatchObject({ volumeId: serverId, errors: 0 });
      expect(figures.disks[0]!.readBytes).toBeGreaterThan(2 ** 20);
      expect(figures.disks[0]!.writtenBytes).toBeGreaterThan(0);

      await host.pauseGuest(serverId);
      expect(await host.hasGuestAgent(serverId)).toBe(false);
      await expect(host.setGuestPassword(serverId, { user: 'root', password: 'x' })).rejects.toMatchObject({
        code: 'unsupported',
      });
      await host.resumeGuest(serverId);
      await expect.poll(() => host.hasGuestAgent(serverId), options).toBe(true);
    },
    bootTimeout,
  );
});
