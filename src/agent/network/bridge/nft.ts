/**
 * Commands of nftables in its JSON form (libnftables-json(5)): texts of users can't become anything else in it.
 * Statements and expressions are as that page names them.
 */
export type Statement = object;
export type Verdict = object;

export const accept: Statement = { accept: null };
export const drop: Statement = { drop: null };
export const jump = (target: string): Verdict => ({ jump: { target } });
export const goto = (target: string): Verdict => ({ goto: { target } });

export const meta = (key: string): object => ({ meta: { key } });
export const ct = (key: string): object => ({ ct: { key } });
export const field = (protocol: string, name: string): object => ({ payload: { protocol, field: name } });
export const anyOf = (values: readonly unknown[]): unknown => (values.length === 1 ? values[0] : { set: values });
/** Bits of a packet that nftables has no name for, counted from the header of the transport protocol. */
export const bitsOf = (offset: number, len: number): object => ({ payload: { base: 'th', offset, len } });
export const range = (first: number | string, last: number | string): object => ({ range: [first, last] });

export const is = (left: object, right: unknown): Statement => ({ match: { op: '==', left, right } });
export const isNot = (left: object, right: unknown): Statement => ({ match: { op: '!=', left, right } });
/** For sets of flags: one of them is there. */
export const has = (left: object, right: unknown): Statement => ({ match: { op: 'in', left, right } });
export const set = (key: object, value: unknown): Statement => ({ mangle: { key, value } });
/** Goes where the map says; on to the next rule where it says nothing. */
export const byMap = (key: object, map: string): Statement => ({ vmap: { key, data: `@${map}` } });

/** `address/n` as nftables wants it. */
export function network(cidr: string): unknown {
  const [addr, length] = cidr.split('/');
  const alone = addr?.includes(':') ? '128' : '32';
  return length === undefined || length === alone ? addr : { prefix: { addr, len: Number(length) } };
}

export interface BaseChain {
  type: 'filter' | 'nat';
  hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  prio: number;
  policy?: 'accept' | 'drop';
}

export type Family = 'inet' | 'ip' | 'ip6' | 'bridge';

/** A table as it shall be. `commands` replaces in one transaction whatever was there. */
export class Table {
  readonly #at: { family: string; table: string };
  readonly #identity: object;
  readonly #commands: object[] = [];

  constructor(family: Family, name: string) {
    this.#at = { family, table: name };
    this.#identity = { table: { family, name } };
  }

  chain(name: string, base?: BaseChain): void {
    this.#commands.push({ add: { chain: { ...this.#at, name, ...base } } });
  }

  rule(chain: string, ...expr: Statement[]): void {
    this.#commands.push({ add: { rule: { ...this.#at, chain, expr } } });
  }

  /** A map of keys of the types to verdicts. The chains that it names must have been added before. */
  verdictMap(name: string, type: string | string[], elements: ReadonlyArray<readonly [key: unknown, Verdict]>): void {
    const elem = elements.length === 0 ? {} : { elem: elements };
    this.#commands.push({ add: { map: { ...this.#at, name, type, map: 'verdict', ...elem } } });
  }

  map(name: string, type: string, to: string, elements: ReadonlyArray<readonly [key: unknown, value: unknown]>): void {
    const elem = elements.length === 0 ? {} : { elem: elements };
    this.#commands.push({ add: { map: { ...this.#at, name, type, map: to, ...elem } } });
  }

  addressSet(name: string, type: 'ipv4_addr' | 'ipv6_addr', elements: readonly unknown[]): void {
    const elem = elements.length === 0 ? {} : { elem: elements };
    this.#commands.push({ add: { set: { ...this.#at, name, type, flags: ['interval'], ...elem } } });
  }

  get commands(): object[] {
    // Added first, so that there is something to delete.
    return [{ add: this.#identity }, { delete: this.#identity }, { add: this.#identity }, ...this.#commands];
  }
}

/** The commands after which there is no such table. */
export function withoutTable(family: Family, name: string): object[] {
  const identity = { table: { family, name } };
  return [{ add: identity }, { delete: identity }];
}
