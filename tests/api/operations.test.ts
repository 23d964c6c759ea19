import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dialect } from '../../src/api/dialect.ts';
import { openApiDocument } from '../../src/api/openapi.ts';
import type { AnyOperation } from '../../src/api/operation.ts';
import { validatorCompiler } from '../../src/api/validation.ts';
import { allDialects } from '../../src/assembly/dialects.ts';
import { TestCloud } from '../support/cloud.ts';

const dialects = await allDialects();

/** Every operation of every dialect, by the definitions that serve them. */
const all = dialects.flatMap((dialect) => dialect.operations.map((operation) => ({ dialect, operation })));
const title = ({ dialect, operation }: { dialect: Dialect; operation: AnyOperation }) =>
  `${dialect.name} ${operation.id}`;
type Paths = Record<string, Record<string, { responses: Record<string, unknown> }>>;
const nowhere = '00000000-0000-4000-8000-000000000000';

describe('every operation', () => {
  it('is there to be looked at', () => {
    expect(all.length).toBeGreaterThan(250);
  });

  it('has an id of its own within its dialect', () => {
    const seen = new Map<string, AnyOperation>();
    const twice: string[] = [];
    for (const entry of all) {
      const known = seen.get(title(entry));
      if (known && known !== entry.operation) twice.push(title(entry));
      seen.set(title(entry), entry.operation);
    }
    expect(twice).toEqual([]);
  });

  it('says what it is, with an example whose status it knows', () => {
    const poor = all.filter(({ operation: { title: words, summary, examples, responses, errors } }) => {
      const known = new Set([...Object.keys(responses).map(Number), ...errors]);
      return !words || !summary || examples.length === 0 || examples.some(({ status }) => !known.has(status));
    });
    expect(poor.map(title)).toEqual([]);
  });

  it('has examples that fit its own schemas', () => {
    const wrong: string[] = [];
    for (const entry of all) {
      const validate = validatorCompiler(entry.dialect)(entry.operation);
      for (const example of entry.operation.examples) {
        if (example.status >= 400) continue;
        try {
          if (example.query) validate.query(structuredClone(example.query));
          if (example.params) validate.params(structuredClone(example.params));
          const keyed = entry.operation.bodyKey && (example.body as Record<string, unknown>)?.[entry.operation.bodyKey];
          if (example.body !== undefined && !entry.operation.consumes)
            validate.body(structuredClone(keyed ?? example.body));
        } catch (error) {
          wrong.push(`${title(entry)}: ${(error as Error).message}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('stands in the OpenAPI document of its dialect', () => {
    for (const name of new Set(dialects.map((dialect) => dialect.name))) {
      const mine = dialects.filter((dialect) => dialect.name === name);
      const text = JSON.stringify(openApiDocument(mine));
      const missing = mine.flatMap(({ operations }) => operations).filter(({ id }) => !text.includes(`"${id}`));
      expect(missing.map(({ id }) => id)).toEqual([]);
    }
  });

  it('says what comes of wrong requests, and of each request that shares a path and a method', () => {
    const paths = Object.assign({}, ...dialects.map((one) => openApiDocument([one])['paths'])) as Paths;
    for (const { operation, dialect } of all) {
      if (!operation.query && !operation.body && !operation.path.includes('{')) continue;
      const { responses } = paths[dialect.mounts[0]! + operation.path || '/']![operation.method.toLowerCase()]!;
      expect(responses, operation.id).toHaveProperty(String(dialect.errors.invalid.status));
    }
    const created = paths['/network/v2.0/networks']!['post']!.responses['201'];
    const either = [{ required: ['network'] }, { required: ['networks'] }];
    expect(created).toMatchObject({ content: { 'application/json': { schema: { anyOf: either } } } });
  });
});

describe('who may call', () => {
  let cloud: TestCloud;
  let member: string;
  let reader: string;
  let readerSession: string;

  beforeAll(async () => {
    cloud = await TestCloud.start();
    member = (await cloud.member('alice')).token;
    await cloud.member('rita');
    const admin = await cloud.openstack();
    const [{ id: user }] = (await admin.get('/identity/v3/users?name=rita')).users;
    const [{ id: project }] = (await admin.get('/identity/v3/projects?name=rita')).projects;
    const roles = (await admin.get('/identity/v3/roles')).roles as Array<{ id: string; name: string }>;
    const role = (name: string) => roles.find((one) => one.name === name)!.id;
    await admin.call('DELETE', `/identity/v3/projects/${project}/users/${user}/roles/${role('member')}`);
    await admin.call('PUT', `/identity/v3/projects/${project}/users/${user}/roles/${role('reader')}`);
    reader = (await cloud.openstack({ user: 'rita', password: 'rita' })).token;
    readerSession = (await cloud.zstack({ account: 'rita', password: 'rita' })).session;
  });

  afterAll(async () => {
    await cloud?.close();
  });

  /** The operation's own example, sent by whoever has these headers. */
  async function send({ dialect, operation }: (typeof all)[number], headers: Record<string, string>) {
    const example = operation.examples[0]!;
    const path = (dialect.mounts[0]! + operation.path).replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(
        name === 'tenant_id' || name === 'project_id'
          ? (headers['x-project'] ?? nowhere)
          : (example.params?.[name] ?? nowhere),
      ),
    );
    const query = new URLSearchParams(Object.entries(example.query ?? {})).toString();
    const hasBody = operation.method !== 'GET' && operation.method !== 'HEAD' && example.body !== undefined;
    const answer = await fetch(`${cloud.origin}${path}${query ? `?${query}` : ''}`, {
      method: operation.method,
      headers: { ...headers, ...(hasBody ? { 'content-type': operation.consumes?.[0] ?? 'application/json' } : {}) },
      body: hasBody ? JSON.stringify(example.body) : undefined,
      redirect: 'manual',
    });
    // A stream of events has no end to wait for.
    if (answer.headers.get('content-type')?.startsWith('text/event-stream')) await answer.body?.cancel();
    return { status: answer.status, text: answer.bodyUsed ? '' : await answer.text() };
  }

  const guarded = all.filter(({ operation }) => operation.allow !== 'anyone');

  it('is nobody without credentials', async () => {
    const wrong: string[] = [];
    for (const entry of guarded) {
      const { status, text } = await send(entry, {});
      const isRefused = entry.dialect.name === 'zstack' ? status >= 400 : status === 401;
      if (!isRefused) wrong.push(`${title(entry)}: ${status} ${text.slice(0, 100)}`);
    }
    expect(wrong).toEqual([]);
  });

  it('is not a reader where something changes', async () => {
    const wrong: string[] = [];
    for (const entry of guarded.filter(({ operation }) =>
      ['member', 'admin', 'service', 'domainManager'].includes(operation.allow),
    )) {
      const { status, text } = await send(entry, { authorization: `OAuth ${readerSession}`, 'x-auth-token': reader });
      const isRefused =
        entry.dialect.name === 'zstack' ? status >= 400 : status === 403 || status === 404 || status === 400;
      if (!isRefused) wrong.push(`${title(entry)}: ${status} ${text.slice(0, 100)}`);
    }
    expect(wrong).toEqual([]);
  });

  it('is not a member where the cloud itself is changed', async () => {
    const wrong: string[] = [];
    for (const entry of guarded.filter(
      ({ dialect, operation }) =>
        ['admin', 'service', 'domainManager'].includes(operation.allow) && dialect.name !== 'zstack',
    )) {
      const { status, text } = await send(entry, { 'x-auth-token': member });
      if (status !== 403 && status !== 404 && status !== 400)
        wrong.push(`${title(entry)}: ${status} ${text.slice(0, 100)}`);
    }
    expect(wrong).toEqual([]);
  });

  it('never makes the cloud fail, whatever is asked with ids of nothing', async () => {
    const wrong: string[] = [];
    for (const entry of guarded) {
      const { status, text } = await send(entry, { 'x-auth-token': member, authorization: `OAuth ${readerSession}` });
      const isCrash = entry.dialect.name === 'zstack' ? text.includes('SYS.1000') : status >= 500 && status !== 501;
      if (isCrash) wrong.push(`${title(entry)}: ${status} ${text.slice(0, 200)}`);
    }
    expect(wrong).toEqual([]);
  });
});
