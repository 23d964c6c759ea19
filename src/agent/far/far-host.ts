import type { HostAgent, HostDescription } from '../contract.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { type Verb, verbs } from './verbs.ts';

/** A host on another machine, as its agent there does what it is asked. */
export interface FarHost extends HostAgent {
  readonly connection: Connection;
}

/**
 * The host at the other end of a connection. Paths that it is given and gives are those of its machine: see
 * `acrossMachines`. All verbs fail with `unreachable` while there is no connection, but for `describe`, which tells what
 * was told last.
 *
 * @param known what the host told an earlier process
 */
export function farHost(options: ConnectionOptions, known?: HostDescription): FarHost {
  let described = known;
  const connection = new Connection({
    ...options,
    onChange(state) {
      if ('description' in state) described = state.description;
      options.onChange?.(state);
    },
  });
  const asked = Object.fromEntries(
    verbs.map((verb) => [verb, (...args: unknown[]) => connection.ask(verb, args)]),
  ) as unknown as Pick<HostAgent, Verb>;
  return {
    ...asked,
    connection,
    async describe() {
      try {
        described = await asked.describe();
      } catch (error) {
        if (!described || connection.isConnected) throw error;
      }
      return described;
    },
    connectConsole: (serverId, kind) => connection.open({ open: 'console', serverId, kind }),
    watchGuests: (listener) => connection.watchGuests(listener),
    serveMetadata: (responder) => connection.serveMetadata(responder),
    close: () => connection.close(),
  };
}
