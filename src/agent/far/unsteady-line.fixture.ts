import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { type Env, newId } from '../../env/env.ts';
import type { HostAgent } from '../contract.ts';
import { acrossMachines } from './across-machines.ts';
import { type FarHost, farHost } from './far-host.ts';
import { join as joinStreams } from './join.ts';
import { OwnMachine } from './own-machine.ts';
import { serveHost } from './serve-host.ts';
import { isVerb, type Verb } from './verbs.ts';
import { readLines, writeLine } from './wire.ts';

/**
 * What may become of a question on its way: the line is cut before it arrives, or before its answer does; it arrives a
 * second time, while the first one is worked on; or other ones overtake it.
 */
export type Mishap = 'lost request' | 'lost answer' | 'twice' | 'late';

interface Said {
  ask?: number;
  answer?: number;
  verb?: string;
  args?: unknown[];
  open?: string;
}

/** A host at the end of a line on which things go wrong. */
export interface UnsteadyHost {
  far: FarHost;
  /** The same, which waits until there is a line before it asks. */
  agent: HostAgent;
  /** Every verb that something has happened to, and what. */
  readonly happened: ReadonlySet<string>;
  close(): Promise<void>;
}

/** What happens to a question, if anything does. */
export type MishapOf = (verb: Verb, args: readonly unknown[]) => Mishap | undefined;

/** Serves the host, and connects to it by way of somebody who lets happen what `mishapOf` says. */
export async function serveOverUnsteadyLine(env: Env, host: HostAgent, mishapOf: MishapOf): Promise<UnsteadyHost> {
  const folder = await mkdtemp(join(tmpdir(), 'unkai-unsteady-'));
  const own = await OwnMachine.open(env, join(folder, 'own'));
  const machine = await OwnMachine.open(env, join(folder, 'lent'));
  const identity = { hostId: newId(env), key: newId(env) };
  const server = new EventEmitter() as Server;
  const stop = serveHost(env, server, { host, machine, identity, program: 'test', stop() {} });
  const happened = new Set<string>();

  /** The control plane's end of a connection to the agent. */
  const open = async (): Promise<Duplex> => {
    const [near, ours] = duplexPair();
    const [theirs, far] = duplexPair();
    for (const stream of [near, ours, theirs, far]) stream.on('error', () => {});
    server.emit('connection', far);
    const cut = () => {
      for (const stream of [ours, theirs, near, far]) stream.destroy();
    };
    const lost = new Set<number>();
    const passAnswers = () =>
      readLines(theirs, (line) => {
        const { answer } = JSON.parse(line) as Said;
        if (answer !== undefined && lost.has(answer)) return cut();
        ours.write(`${line}\n`);
      });
    readLines(ours, (line) => {
      const said = JSON.parse(line) as Said;
      const { open: purpose, ask, verb = '', args = [] } = said;
      if (purpose === 'talk') passAnswers();
      if (purpose !== undefined && purpose !== 'talk') {
        writeLine(theirs, said);
        setImmediate(() => void joinStreams(ours, theirs));
        return false;
      }
      const mishap = ask !== undefined && isVerb(verb) ? mishapOf(verb, args) : undefined;
      if (mishap) happened.add(`${verb}: ${mishap}`);
      if (mishap === 'lost request') return cut();
      if (mishap === 'late') return void env.sleep(20).then(() => theirs.destroyed || writeLine(theirs, said));
      if (mishap === 'lost answer') lost.add(ask!);
      writeLine(theirs, said);
      if (mishap === 'twice') writeLine(theirs, said);
      return true;
    });
    ours.on('close', cut);
    theirs.on('close', cut);
    return near;
  };

  const far = farHost({ env, name: 'far', connect: async () => ({ identity, open, close() {} }) });
  await far.connection.connect();
  const across = acrossMachines(env, far, far.connection, (name) => (name === undefined ? own : far.connection));
  const agent = new Proxy(across, {
    get(target, verb) {
      const value = Reflect.get(target, verb) as unknown;
      if (typeof value !== 'function' || !isVerb(String(verb))) return value;
      return async (...args: unknown[]) => {
        await far.connection.connect();
        return (await value.apply(target, args)) as unknown;
      };
    },
  });
  return {
    far,
    agent,
    happened,
    async close() {
      await far.close();
      stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
