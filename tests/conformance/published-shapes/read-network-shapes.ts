import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What Neutron's definitions say of one member of a resource, as `record_network.py` wrote it down. */
export interface PublishedMember {
  kinds: readonly string[];
  isVisible: boolean;
  mayBePosted: boolean;
  mustBePosted: boolean;
  mayBePut: boolean;
  isFilter: boolean;
  isSortKey: boolean;
}

export interface PublishedExtension {
  alias: string;
  name: string;
  needs: readonly string[];
  /** By collection and name. */
  members: ReadonlyMap<string, ReadonlyMap<string, PublishedMember>>;
}

/** Neutron's extensions by alias; what is there without any is that of `core`. */
export function readNetworkShapes(): Map<string, PublishedExtension> {
  const extensions = new Map<string, PublishedExtension>();
  let members = new Map<string, Map<string, PublishedMember>>();
  for (const line of readFileSync(join(import.meta.dirname, 'network.tsv'), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('\t')) {
      const [, path, kinds, letters] = line.split('\t') as [string, string, string, string];
      const [collection, name] = path.split(/\.(.*)/) as [string, string];
      const known = members.get(collection) ?? new Map<string, PublishedMember>();
      members.set(collection, known.set(name, member(kinds, letters)));
    } else {
      const [alias, name, needs] = line.split('\t') as [string, string, string?];
      members = new Map();
      extensions.set(alias, { alias, name, needs: needs ? needs.split(',') : [], members });
    }
  }
  return extensions;
}

function member(kinds: string, letters: string): PublishedMember {
  return {
    kinds: kinds.split('|'),
    isVisible: letters.includes('v'),
    mayBePosted: letters.includes('p'),
    mustBePosted: letters.includes('r'),
    mayBePut: letters.includes('u'),
    isFilter: letters.includes('f'),
    isSortKey: letters.includes('s'),
  };
}

/** The members of the collection where these extensions are there. One that needs another says more of what that has. */
export function membersOf(
  extensions: ReadonlyMap<string, PublishedExtension>,
  aliases: readonly string[],
  collection: string,
): Map<string, PublishedMember> {
  const all = new Map<string, PublishedMember>();
  const added = new Set<string>();
  const add = (alias: string) => {
    const extension = extensions.get(alias);
    if (!extension || added.has(alias)) return;
    added.add(alias);
    for (const other of extension.needs) if (aliases.includes(other)) add(other);
    for (const [name, about] of extension.members.get(collection) ?? []) all.set(name, about);
  };
  for (const alias of ['core', ...aliases]) add(alias);
  const owner = all.get('tenant_id') ?? all.get('project_id');
  // Said by one of its names in each definition; what is answered and asked has both.
  if (owner) all.set('tenant_id', owner).set('project_id', owner);
  return all;
}
