import { ConstraintViolation, type Tx } from '../../database/database.ts';
import type { MetadefNamespacesTable } from '../../database/schema.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, projectOf, type Subject } from '../identity/subject.ts';
import type { ImageParts } from './parts.ts';

/** Something that is defined in a namespace, as its author wrote it. Times are microseconds since the epoch. */
export interface Definition {
  name: string;
  body: Record<string, unknown>;
  createdAt: number;
  updatedAt: number;
}

const definitionKinds = ['objects', 'properties', 'tags', 'resourceTypes'] as const;
export type DefinitionKind = (typeof definitionKinds)[number];

/** A namespace of Glance's catalogue of properties: what dashboards offer to choose from for images, flavors, volumes. */
export interface Namespace {
  name: string;
  projectId: string;
  visibility: 'public' | 'private';
  isProtected: boolean;
  displayName: string | null;
  description: string | null;
  definitions: Record<DefinitionKind, Definition[]>;
  createdAt: number;
  updatedAt: number;
}

export interface NamespaceChanges {
  name?: string;
  visibility?: Namespace['visibility'];
  isProtected?: boolean;
  displayName?: string | null;
  description?: string | null;
}

type Document = Pick<Namespace, 'displayName' | 'description' | 'definitions'>;

/** The catalogue of properties. Nothing in the engine depends on it: it is for those who choose. */
export class Metadefs {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  /** Those that are public or the project's own, by name; administrators see all. */
  async list(subject: Subject): Promise<Namespace[]> {
    const { read } = this.#parts.core.db;
    const rows = await read.selectFrom('metadef_namespaces').selectAll().orderBy('name').execute();
    return rows.map(fromRow).filter((namespace) => isVisible(subject, namespace));
  }

  async get(subject: Subject, name: string, tx?: Tx): Promise<Namespace> {
    const source = tx ?? this.#parts.core.db.read;
    const row = await source.selectFrom('metadef_namespaces').selectAll().where('name', '=', name).executeTakeFirst();
    const namespace = row && fromRow(row);
    if (!namespace || !isVisible(subject, namespace)) throw noNamespace(name);
    return namespace;
  }

  /** Throws `duplicate`. */
  async create(subject: Subject, namespace: NamespaceChanges & { name: string }): Promise<Namespace> {
    const { core } = this.#parts;
    const now = core.env.now();
    const made: Namespace = {
      projectId: projectOf(subject),
      visibility: 'private',
      isProtected: false,
      displayName: null,
      description: null,
      ...namespace,
      definitions: { objects: [], properties: [], tags: [], resourceTypes: [] },
      createdAt: now,
      updatedAt: now,
    };
    await core.db
      .write(async (tx) => void (await tx.insertInto('metadef_namespaces').values(toRow(made)).execute()))
      .catch(taken(made.name));
    return made;
  }

  async update(subject: Subject, name: string, changes: NamespaceChanges): Promise<Namespace> {
    return await this.#change(subject, name, (namespace) => ({ ...namespace, ...changes }));
  }

  /** Throws `forbidden` for a protected one. */
  async remove(subject: Subject, name: string): Promise<void> {
    await this.#parts.core.db.write(async (tx) => {
      const { isProtected } = await this.get(subject, name, tx);
      if (isProtected) throw new CloudError('forbidden', `Metadata definition namespace ${name} is protected.`);
      await tx.deleteFrom('metadef_namespaces').where('name', '=', name).execute();
    });
  }

  /** Adds definitions, or puts them in the place of those that there are. Throws `duplicate`. */
  async define(
    subject: Subject,
    namespace: string,
    kind: DefinitionKind,
    added: ReadonlyArray<Pick<Definition, 'name' | 'body'>>,
    { replacing = false } = {},
  ): Promise<Definition[]> {
    const now = this.#parts.core.env.now();
    const definitions = added.map((one) => ({ ...one, createdAt: now, updatedAt: now }));
    await this.#redefine(subject, namespace, kind, (before) => {
      const known = replacing ? [] : before;
      const twice = definitions.find(({ name }) => known.some((one) => one.name === name));
      if (twice) throw new CloudError('duplicate', `A definition of the name ${twice.name} exists in ${namespace}.`);
      return [...known, ...definitions];
    });
    return definitions;
  }

  /** Replaces a definition, which may get another name. */
  async replace(
    subject: Subject,
    namespace: string,
    kind: DefinitionKind,
    name: string,
    to: Pick<Definition, 'name' | 'body'>,
  ): Promise<Definition> {
    const { createdAt } = await this.definition(subject, namespace, kind, name);
    const definition = { ...to, createdAt, updatedAt: this.#parts.core.env.now() };
    await this.#redefine(subject, namespace, kind, (known) =>
      known.map((one) => (one.name === name ? definition : one)),
    );
    return definition;
  }

  async definition(subject: Subject, namespace: string, kind: DefinitionKind, name: string): Promise<Definition> {
    const found = (await this.get(subject, namespace)).definitions[kind].find((one) => one.name === name);
    if (!found) throw noDefinition(namespace, name);
    return found;
  }

  /** Removes one definition, or all of the kind. */
  async undefine(subject: Subject, namespace: string, kind: DefinitionKind, name?: string): Promise<void> {
    await this.#redefine(subject, namespace, kind, (known) => {
      if (name === undefined) return [];
      if (!known.some((one) => one.name === name)) throw noDefinition(namespace, name);
      return known.filter((one) => one.name !== name);
    });
  }

  async #redefine(
    subject: Subject,
    name: string,
    kind: DefinitionKind,
    change: (known: Definition[]) => Definition[],
  ): Promise<void> {
    await this.#change(subject, name, (namespace) => ({
      ...namespace,
      definitions: { ...namespace.definitions, [kind]: change(namespace.definitions[kind]) },
    }));
  }

  async #change(subject: Subject, name: string, change: (namespace: Namespace) => Namespace): Promise<Namespace> {
    const { core } = this.#parts;
    const changed = core.db.write(async (tx) => {
      const namespace = { ...change(await this.get(subject, name, tx)), updatedAt: core.env.now() };
      await tx.updateTable('metadef_namespaces').set(toRow(namespace)).where('name', '=', name).execute();
      return namespace;
    });
    return await changed.catch(taken(name));
  }
}

function isVisible(subject: Subject, { visibility, projectId }: Namespace): boolean {
  return visibility === 'public' || ownsOrAdmin(subject, projectId);
}

function fromRow(row: MetadefNamespacesTable): Namespace {
  return {
    ...(JSON.parse(row.document) as Document),
    name: row.name,
    projectId: row.project_id,
    visibility: row.visibility,
    isProtected: row.protected === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toRow({ displayName, description, definitions, ...rest }: Namespace): MetadefNamespacesTable {
  const document: Document = { displayName, description, definitions };
  return {
    name: rest.name,
    project_id: rest.projectId,
    visibility: rest.visibility,
    protected: rest.isProtected ? 1 : 0,
    document: JSON.stringify(document),
    created_at: rest.createdAt,
    updated_at: rest.updatedAt,
  };
}

function taken(name: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof ConstraintViolation)) throw error;
    throw new CloudError('duplicate', `A metadata definition namespace of this name (${name}) exists already.`);
  };
}

function noNamespace(name: string): CloudError {
  return notFound('namespace', name, `Metadata definition namespace ${name} could not be found.`);
}

function noDefinition(namespace: string, name: string): CloudError {
  return notFound('definition', name, `There is no definition of the name ${name} in namespace ${namespace}.`);
}
