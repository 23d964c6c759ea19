import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Env } from '../../env/env.ts';
import { AgentError, type HostAgent, type MetadataAnswer } from '../contract.ts';
import { type HostIdentity, isSame } from './identity.ts';
import { join } from './join.ts';
import type { Machine } from './machine.ts';
import { type Hello, type IntroducedOpening, type Opening, protocol } from './opening.ts';
import { Talk } from './talk.ts';
import { isVerb } from './verbs.ts';
import { firstWords, sentError, writeLine } from './wire.ts';

export interface ServedParts {
  host: HostAgent;
  machine: Machine;
  /** Whoever says another one has come to the wrong place. */
  identity: HostIdentity;
  /** See `Hello`. */
  program: string;
  /** Ends the agent, which another one replaces. */
  stop(): void;
}

/** What is asked for besides the verbs of the contract. */
async function answerAbout({ machine, host, program, stop }: ServedParts, verb: string, args: unknown[]) {
  if (verb === 'hello') return { protocol, program, description: await host.describe() } satisfies Hello;
  if (verb === 'files') return await machine.files(args[0] as string);
  if (verb === 'stop') return stop();
  throw new AgentError('unsupported', `this host knows nothing of ${JSON.stringify(verb)}`);
}

/**
 * Lets control planes use the host, and files and sockets of its machine, over connections to the server: there may be
 * several, each is told of guests that change, and one of them is asked for guests' metadata.
 *
 * @returns ends all connections; the server is the caller's
 */
export function serveHost(env: Env, server: Server, parts: ServedParts): () => void {
  const { host, machine, identity } = parts;
  const talks = new Set<Talk>();
  const sockets = new Set<Socket>();
  const incoming = new Map<number, Duplex>();
  let lastConnection = 0;

  const startTalk = (stream: Duplex) => {
    const talk = new Talk(env, stream, {
      answer: async (verb, args) => {
        if (!isVerb(verb)) return await answerAbout(parts, verb, args);
        // What was not given has no word in JSON.
        const given = args.map((one) => one ?? undefined);
        return await (host[verb] as (...all: unknown[]) => Promise<unknown>).apply(host, given);
      },
      notice: () => {},
      over: () => talks.delete(talk),
    });
    talks.add(talk);
  };

  const open = async (opening: Opening, stream: Socket): Promise<void> => {
    switch (opening.open) {
      case 'talk':
        writeLine(stream, {});
        return startTalk(stream);
      case 'console': {
        const guest = await host.connectConsole(opening.serverId, opening.kind);
        writeLine(stream, {});
        return await join(stream, guest);
      }
      case 'read':
        writeLine(stream, {});
        await pipeline(await machine.read(opening.path, opening), stream);
        return;
      case 'write':
        writeLine(stream, {});
        await machine.write(opening.path, stream, opening);
        writeLine(stream, {});
        return void stream.end();
      case 'borrow': {
        await using folder = await machine.borrowFolder();
        writeLine(stream, { path: folder.path });
        return await untilGone(stream);
      }
      case 'dial': {
        const other = await machine.dial(opening.path);
        writeLine(stream, {});
        return await join(stream, other);
      }
      case 'listen': {
        await using _ = await machine.listen(opening.path, (other) => {
          const connection = ++lastConnection;
          incoming.set(connection, other);
          other.on('close', () => incoming.delete(connection));
          writeLine(stream, { connection });
        });
        writeLine(stream, {});
        return await untilGone(stream);
      }
      case 'accept': {
        const other = incoming.get(opening.connection);
        if (!other) throw new AgentError('not_found', 'that connection has gone');
        incoming.delete(opening.connection);
        writeLine(stream, {});
        return await join(stream, other);
      }
      default:
        throw new AgentError('unsupported', 'this host does not know what the connection is for');
    }
  };

  const onConnection = async (stream: Socket) => {
    sockets.add(stream);
    stream.on('error', () => {}); // told by `close`
    stream.on('close', () => sockets.delete(stream));
    try {
      const opening = JSON.parse(await firstWords(env, stream)) as IntroducedOpening;
      if (!isSame(identity, opening)) throw new AgentError('unsupported', 'this is a host of another cloud');
      await open(opening, stream);
    } catch (error) {
      if (!stream.destroyed) stream.end(`${JSON.stringify({ error: sentError(error) })}\n`);
    }
  };

  const stops = [
    host.watchGuests((change) => {
      for (const talk of talks) talk.tell('guest', change);
    }),
    host.serveMetadata(async (request) => {
      let failure: unknown = new AgentError('unreachable', 'no control plane is connected to this host');
      // The one that came last is the likeliest to be there. One may have come for something else, or be on its way out.
      for (const talk of [...talks].reverse()) {
        try {
          return (await talk.ask('metadata', [request])) as MetadataAnswer;
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    }),
  ];
  server.on('connection', onConnection);
  return () => {
    server.off('connection', onConnection);
    for (const stop of stops) stop();
    for (const talk of talks) talk.end('the agent stops');
    for (const socket of sockets) socket.destroy();
  };
}

/** Reads on, and waits for the end. */
async function untilGone(stream: Duplex): Promise<void> {
  stream.resume();
  if (!stream.destroyed && !stream.readableEnded) await Promise.race([once(stream, 'close'), once(stream, 'end')]);
  stream.destroy();
}
