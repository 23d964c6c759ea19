import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { noNetworks } from '../../src/agent/network-contract.ts';
import { type OpenedUnkai, openUnkai } from '../../src/assembly/open-unkai.ts';
import { ensureTinyLinux } from '../../src/assembly/tinylinux.ts';
import type { Cloud } from '../../src/cloud/cloud.ts';
import { operator, type Subject } from '../../src/cloud/identity/subject.ts';

const limitMs = 180_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The engine over real hypervisor hosts, with TinyLinux, in a temporary folder, for the guests of one test file. */
export class RealCloud {
  readonly folder: string;
  readonly #hosts: number;
  #opened: OpenedUnkai | undefined;
  #requests = 0;

  private constructor(folder: string, hosts: number) {
    this.folder = folder;
    this.#hosts = hosts;
  }

  static async open(name: string, { hosts = 1 }: { hosts?: number } = {}): Promise<RealCloud> {
    const real = new RealCloud(await mkdtemp(join(tmpdir(), `unkai-${name}-`)), hosts);
    await real.#open();
    await ensureTinyLinux(real.cloud, { cacheDir: resolve(import.meta.dirname, '../../var/cache') });
    return real;
  }

  get cloud(): Cloud {
    return this.#opened!.cloud;
  }

  get agents(): OpenedUnkai['agents'] {
    return this.#opened!.agents;
  }

  /** Whoever asks: each request has an id of its own, by which the log knows what it asked for. */
  subject(): Subject {
    return operator(`req-00000000-0000-0000-0000-${String(++this.#requests).padStart(12, '0')}`);
  }

  /** Waits until what was asked for is done. */
  async ended({ actionId }: { actionId?: string }): Promise<void> {
    expect(await this.cloud.runner.wait(actionId!, { timeoutMs: limitMs })).toEqual({ state: 'succeeded' });
  }

  /** The control plane ends, and begins again; guests run on. */
  async reopen(): Promise<void> {
    await this.#opened!.close();
    await this.#open();
  }

  /** With all guests, networks and files. */
  async close(): Promise<void> {
    for (const { agent } of this.agents) {
      for (const { serverId } of (await agent.inventory()).guests) await agent.removeGuest(serverId);
      await agent.applyNetworks(noNetworks);
    }
    await this.#opened!.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    this.#opened = await openUnkai({
      dataDir: join(this.folder, 'data'),
      hypervisor: 'qemu',
      hosts: this.#hosts,
      adminPassword: 'secret',
      log: silent,
      settings: { shutdownGrace: 60 },
    });
  }
}
