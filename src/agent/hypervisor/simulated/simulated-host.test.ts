import { expect, test } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { AgentError } from '../../contract.ts';
import { hostAgentContract } from '../../contract-suite.ts';
import { openSimulatedHost } from './simulated-host.ts';

const env = realEnv();

hostAgentContract('the simulated host', {
  open: (directory) => openSimulatedHost({ directory, env }),
  crashGuest: async (host, serverId) => host.endGuest(serverId),
});

test('a fault is what the caller gets, before anything is done', async () => {
  const fault = new AgentError('unreachable', 'the wire is cut');
  const host = await openSimulatedHost({ env, faults: (verb) => (verb === 'ensureDisk' ? fault : undefined) });
  const disk = { diskId: 'd', size: 512, base: { kind: 'blank' as const } };
  await expect(host.ensureDisk(disk)).rejects.toBe(fault);
  expect((await host.inventory()).disks).toEqual([]);
});

test('a lost answer leaves the work done', async () => {
  const fault = new AgentError('unreachable', 'the wire is cut');
  const host = await openSimulatedHost({ env, lostAnswers: (verb) => (verb === 'ensureDisk' ? fault : undefined) });
  await expect(host.ensureDisk({ diskId: 'd', size: 512, base: { kind: 'blank' } })).rejects.toBe(fault);
  expect((await host.inventory()).disks).toEqual(['d']);
});

test('latency is spent by the environment, not by the machine', async () => {
  const slept: number[] = [];
  const virtual = { ...env, sleep: async (ms: number) => void slept.push(ms) };
  const host = await openSimulatedHost({ env: virtual, latency: { stopGuest: 60_000 } });
  await host.stopGuest(newId(env), { graceSeconds: 60 });
  await host.describe();
  expect(slept).toEqual([60_000]);
});

test('a full host refuses new disks', async () => {
  const host = await openSimulatedHost({ env, capacity: { vcpus: 1, memoryMb: 1, diskGb: 0 } });
  const disk = host.ensureDisk({ diskId: 'd', size: 512, base: { kind: 'blank' } });
  await expect(disk).rejects.toMatchObject({ code: 'no_space' });
});
