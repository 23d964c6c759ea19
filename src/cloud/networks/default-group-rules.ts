import type { Tx } from '../../database/database.ts';
import type { DefaultSecurityGroupRulesTable } from '../../database/schema/network-extras.ts';
import { takeTurn } from '../../database/turns.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import type { AddressGroups } from './address-groups.ts';
import { parentGroup } from './default-security-group.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import { flag, ruleContentOf } from './model.ts';
import { contentOf, type NewRuleContent, ruleColumns } from './rule-content.ts';
import { checkRule, type RuleContent, sameRule } from './security-group-rule-checks.ts';
import type { SecurityGroups } from './security-groups.ts';

/** A rule that new security groups begin with. Groups that exist are not changed with it. */
export interface DefaultGroupRule extends RuleContent {
  id: string;
  /** Whether the default groups of projects get it, and whether others do. */
  usedInDefault: boolean;
  usedInOthers: boolean;
  createdAt: number;
  updatedAt: number;
  revision: number;
}

export type DefaultGroupRuleField =
  | 'id'
  | 'description'
  | 'direction'
  | 'ethertype'
  | 'protocol'
  | 'portRangeMin'
  | 'portRangeMax'
  | 'remoteIpPrefix'
  | 'remoteGroupId'
  | 'remoteAddressGroupId'
  | 'usedInDefaultSg'
  | 'usedInNonDefaultSg'
  | 'createdAt'
  | 'revision';

export interface NewDefaultGroupRule extends NewRuleContent {
  usedInDefault?: boolean;
  usedInOthers?: boolean;
}

const listing = new Listing<DefaultGroupRuleField>('default_security_group_rules');

/** What new security groups let through. Everybody may know it; administrators say it. */
export class DefaultGroupRules {
  readonly #core: CloudCore;
  readonly #groups: SecurityGroups;
  readonly #addressGroups: AddressGroups;

  constructor(core: CloudCore, groups: SecurityGroups, addressGroups: AddressGroups) {
    this.#core = core;
    this.#groups = groups;
    this.#addressGroups = addressGroups;
  }

  async list(request: ListRequest<DefaultGroupRuleField> = {}): Promise<DefaultGroupRule[]> {
    const db = this.#core.db.read;
    const query = db.selectFrom('default_security_group_rules').selectAll();
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(rows.map(defaultRuleOf), request);
  }

  async get(id: string): Promise<DefaultGroupRule> {
    const query = this.#core.db.read.selectFrom('default_security_group_rules').selectAll();
    const row = await query.where('id', '=', id).executeTakeFirst();
    if (!row) throw ruleNotFound(id);
    return defaultRuleOf(row);
  }

  /** Makes all of them or none. Throws `duplicate` for one that there is. Administrators only. */
  create(subject: Subject, rules: readonly NewDefaultGroupRule[]): Promise<DefaultGroupRule[]> {
    requireAdmin(subject, 'create_default_security_group_rule');
    return this.#core.db.write(async (tx) => {
      const made: DefaultGroupRule[] = [];
      for (const rule of rules) made.push(await this.#createIn(tx, subject, rule));
      return made;
    });
  }

  /** Administrators only. */
  delete(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_default_security_group_rule');
    return this.#core.db.write(async (tx) => {
      const gone = await tx.deleteFrom('default_security_group_rules').where('id', '=', id).returning('id').execute();
      if (gone.length === 0) throw ruleNotFound(id);
    });
  }

  async #createIn(tx: Tx, subject: Subject, input: NewDefaultGroupRule): Promise<DefaultGroupRule> {
    const content = contentOf(input);
    checkRule(content);
    const { remoteGroupId, remoteAddressGroupId } = content;
    if (remoteGroupId !== null && remoteGroupId !== parentGroup) await this.#groups.get(subject, remoteGroupId, tx);
    if (remoteAddressGroupId !== null) await this.#addressGroups.keep(tx, subject, remoteAddressGroupId);
    await takeTurn(this.#core.db, tx, 'default security group rules');
    const others = await tx.selectFrom('default_security_group_rules').selectAll().execute();
    const twin = others.map(defaultRuleOf).find((other) => sameRule(other, content));
    if (twin) {
      throw new CloudError('duplicate', `Default security group rule already exists. Rule id is ${twin.id}.`, {
        resource: 'default_security_group_rule',
        id: twin.id,
        reason: 'default_security_group_rule_exists',
      });
    }
    const now = this.#core.env.now();
    const row = await tx
      .insertInto('default_security_group_rules')
      .values({
        id: newId(this.#core.env),
        ...ruleColumns(content),
        used_in_default_sg: flag(input.usedInDefault ?? false),
        used_in_non_default_sg: flag(input.usedInOthers ?? true),
        created_at: now,
        updated_at: now,
        revision: 0,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return defaultRuleOf(row);
  }
}

function defaultRuleOf(row: DefaultSecurityGroupRulesTable): DefaultGroupRule {
  return {
    id: row.id,
    ...ruleContentOf(row),
    usedInDefault: row.used_in_default_sg === 1,
    usedInOthers: row.used_in_non_default_sg === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  };
}

function ruleNotFound(id: string): CloudError {
  return notFound('default_security_group_rule', id, `Default Security Group rule ${id} does not exist.`);
}
