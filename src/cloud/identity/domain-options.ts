import type { Queryable, Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { type DomainConfig, defaultOptions, isSensitive, isWhitelisted } from './domain-option-defaults.ts';
import { missing } from './failures.ts';
import { requireAdmin, type Subject } from './subject.ts';

/** Which part of a configuration is meant. */
export interface ConfigPart {
  group?: string;
  option?: string;
}

/**
 * Configuration of single domains, as Keystone keeps it in its database: options that may be set are listed, passwords are
 * never shown. It is a record for clients: users of every domain are in this cloud's own database, whatever it says.
 */
export class DomainOptions {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** What may be shown of it. Throws `not_found` where there is nothing, `forbidden` for what can't be configured. */
  async show(domainId: string, part: ConfigPart = {}): Promise<DomainConfig> {
    await requireDomain(this.#core.db.read, domainId);
    requireSupported(part);
    const shown = shownOf(within(await read(this.#core.db.read, domainId), part));
    if (Object.keys(shown).length === 0) throw notConfigured(domainId, part);
    return shown;
  }

  /** Puts a configuration in the place of what there was. */
  async replace(subject: Subject, domainId: string, config: DomainConfig) {
    requireAdmin(subject, 'create_domain_config');
    return await this.#core.db.write(async (tx) => {
      await claimDomain(tx, domainId);
      requireValid(config);
      const { numDeletedRows } = await tx
        .deleteFrom('domain_options')
        .where('domain_id', '=', domainId)
        .executeTakeFirstOrThrow();
      await put(tx, domainId, config);
      return { config: shownOf(config), isNew: numDeletedRows === 0n };
    });
  }

  /**
   * Sets options, and leaves the others as they are. Where a group or an option is named, `config` has that one and no
   * other, and it is there already: else this throws `forbidden` or `not_found`.
   */
  async update(subject: Subject, domainId: string, part: ConfigPart, config: DomainConfig): Promise<DomainConfig> {
    requireAdmin(subject, 'update_domain_config');
    return await this.#core.db.write(async (tx) => {
      await claimDomain(tx, domainId);
      requireValid(config);
      requireSupported(part);
      requireOnly(part, config);
      const before = await read(tx, domainId);
      if (part.group !== undefined && Object.keys(within(before, part)).length === 0) {
        throw notConfigured(domainId, part);
      }
      await put(tx, domainId, config);
      return shownOf(await read(tx, domainId));
    });
  }

  /** Throws `not_found` for a group or an option that is not there; a domain without any configuration is as wanted. */
  async delete(subject: Subject, domainId: string, part: ConfigPart): Promise<void> {
    requireAdmin(subject, 'delete_domain_config');
    await this.#core.db.write(async (tx) => {
      await claimDomain(tx, domainId);
      requireSupported(part);
      const found = within(await read(tx, domainId), part);
      if (part.group !== undefined && Object.keys(found).length === 0) throw notConfigured(domainId, part);
      for (const [group, options] of Object.entries(found)) await remove(tx, domainId, group, Object.keys(options));
    });
  }

  /** What holds where a domain says nothing. */
  defaults(part: ConfigPart = {}): DomainConfig {
    requireSupported(part);
    const { group, option } = part;
    if (group !== undefined && option !== undefined && isSensitive(group, option)) {
      throw invalid(`Reading the default for option ${option} in group ${group} is not supported`);
    }
    return within(defaultOptions, part);
  }
}

async function requireDomain(db: Queryable, id: string): Promise<void> {
  const found = await db.selectFrom('domains').select('id').where('id', '=', id).executeTakeFirst();
  if (!found) throw missing('domain', id);
}

/** Nobody else changes its options, or deletes it, until the transaction ends. */
async function claimDomain(tx: Tx, id: string): Promise<void> {
  const found = await tx.selectFrom('domains').select('id').where('id', '=', id).forNoKeyUpdate().executeTakeFirst();
  if (!found) throw missing('domain', id);
}

async function read(db: Queryable, domainId: string): Promise<DomainConfig> {
  const rows = await db
    .selectFrom('domain_options')
    .select(['option_group', 'name', 'value'])
    .where('domain_id', '=', domainId)
    .orderBy('option_group')
    .orderBy('name')
    .execute();
  const config: DomainConfig = {};
  for (const { option_group, name, value } of rows) {
    config[option_group] = { ...config[option_group], [name]: JSON.parse(value) };
  }
  return config;
}

async function put(tx: Queryable, domainId: string, config: DomainConfig): Promise<void> {
  for (const [group, options] of Object.entries(config)) {
    await remove(tx, domainId, group, Object.keys(options));
    const rows = Object.entries(options).map(([name, value]) => ({
      domain_id: domainId,
      option_group: group,
      name,
      value: JSON.stringify(value),
    }));
    await tx.insertInto('domain_options').values(rows).execute();
  }
}

async function remove(tx: Queryable, domainId: string, group: string, names: string[]): Promise<void> {
  await tx
    .deleteFrom('domain_options')
    .where('domain_id', '=', domainId)
    .where('option_group', '=', group)
    .where('name', 'in', names)
    .execute();
}

function within(config: Readonly<DomainConfig>, { group, option }: ConfigPart): DomainConfig {
  if (group === undefined) return config;
  const options = config[group];
  if (!options) return {};
  if (option === undefined) return { [group]: options };
  return option in options ? { [group]: { [option]: options[option] } } : {};
}

/** Without passwords, and without groups that have nothing else. */
function shownOf(config: DomainConfig): DomainConfig {
  const groups = Object.entries(config).map(
    ([group, options]) =>
      [group, Object.fromEntries(Object.entries(options).filter(([name]) => !isSensitive(group, name)))] as const,
  );
  return Object.fromEntries(groups.filter(([, options]) => Object.keys(options).length > 0));
}

function requireValid(config: DomainConfig): void {
  if (Object.keys(config).length === 0) throw invalid('No options specified');
  for (const [group, options] of Object.entries(config)) {
    const isGroup = typeof options === 'object' && options !== null && !Array.isArray(options);
    if (!isGroup || Object.keys(options).length === 0) {
      throw invalid(`The value of group ${group} specified in the config should be a dictionary of options`);
    }
    for (const option of Object.keys(options)) requireSupported({ group, option });
  }
}

function requireSupported({ group, option }: ConfigPart): void {
  if (group === undefined) return;
  if (!Object.hasOwn(defaultOptions, group)) {
    throw invalid(`Group ${group} is not supported for domain specific configurations`);
  }
  if (option !== undefined && !isWhitelisted(group, option) && !isSensitive(group, option)) {
    throw invalid(`Option ${option} in group ${group} is not supported for domain specific configurations`);
  }
}

/** What the path names is what the body has, and all that it has. */
function requireOnly({ group, option }: ConfigPart, config: DomainConfig): void {
  if (group === undefined) return;
  const groups = Object.keys(config);
  const options = Object.keys(config[group] ?? {});
  if (option !== undefined && (groups.length !== 1 || options.length !== 1)) {
    const place = `option ${option} in group ${group}`;
    throw invalid(`Trying to update ${place}, so that, and only that, option must be specified  in the config`);
  }
  if (groups.length !== 1) {
    throw invalid(`Trying to update group ${group}, so that, and only that, group must be specified in the config`);
  }
  if (groups[0] !== group) {
    throw invalid(`request to update group ${group}, but config provided contains group ${groups[0]} instead`);
  }
  if (option !== undefined && options[0] !== option) {
    const found = `but config provided contains option ${options[0]} instead`;
    throw invalid(`Trying to update option ${option} in group ${group}, ${found}`);
  }
}

function invalid(reason: string): CloudError {
  return new CloudError('forbidden', `Invalid domain specific configuration: ${reason}.`);
}

function notConfigured(domainId: string, { group, option }: ConfigPart): CloudError {
  const ofGroup = group === undefined ? 'any options' : `group ${group}`;
  const what = option === undefined ? ofGroup : `option ${option} in group ${group}`;
  return new CloudError('not_found', `Could not find ${what} in domain configuration for domain ${domainId}.`);
}
