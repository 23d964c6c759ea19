import type { FastifyRequest } from 'fastify';
import { describe, expect, test } from 'vitest';
import { type Failure, InvalidRequest, NoSuchOperation, UnexpectedError } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { fault } from './faults.ts';
import { bookmark, resourceLinks } from './links.ts';
import { atLeast, type MicroversionedService, microversionHeaders, requestedMicroversion } from './microversion.ts';
import { nextLinks, nextPageUrl, pageOf } from './pagination.ts';
import { requireOwnProjectInUrl } from './project-in-url.ts';
import { pythonRepr } from './python-repr.ts';
import { isoMicros, isoMicrosZ, isoSeconds, parseTime } from './time.ts';

const id = '0123456789abcdef0123456789abcdef';
const dashed = '01234567-89ab-cdef-0123-456789abcdef';

function failure(error: Failure['error'], request: object = {}, bodyKey?: string): Failure {
  return {
    error,
    request: { headers: {}, body: undefined, ...request } as FastifyRequest,
    operation: bodyKey === undefined ? undefined : ({ bodyKey } as AnyOperation),
    requestId: 'req-1',
    origin: 'http://cloud.example',
  };
}

describe('faults', () => {
  const missing = new CloudError('not_found', `Network ${id} could not be found.`, { resource: 'network', id });

  test('each service has its own body', () => {
    const message = `Network ${dashed} could not be found.`;
    expect(fault('compute', failure(missing)).body).toEqual({ itemNotFound: { code: 404, message } });
    expect(fault('volume', failure(missing)).body).toEqual({ itemNotFound: { code: 404, message } });
    expect(fault('network', failure(missing)).body).toEqual({
      NeutronError: { type: 'NetworkNotFound', message, detail: '' },
    });
    expect(fault('identity', failure(missing)).body).toEqual({
      error: { code: 404, title: 'Not Found', message: missing.message },
    });
    expect(fault('placement', failure(missing)).body).toMatchObject({ errors: [{ status: 404, detail: message }] });
  });

  test('Glance looks at Accept', () => {
    const of = (accept?: string) => fault('image', failure(missing, { headers: { accept } }));
    expect(of('application/json').body).toEqual({
      message: `Network ${dashed} could not be found.<br /><br />\n\n\n`,
      code: '404 Not Found',
      title: 'Not Found',
    });
    expect(of('*/*').headers).toEqual({ 'content-type': 'text/html; charset=UTF-8' });
    expect(of('').headers).toEqual({ 'content-type': 'text/plain; charset=UTF-8' });
    expect(of(undefined).body).toContain('404 Not Found');
  });

  test('a message can bring no markup into the page', () => {
    const error = new CloudError('invalid', '<script>');
    const page = fault('image', failure(error, { headers: { accept: 'text/html' } }));
    expect(page.body).toContain('&lt;script&gt;');
  });

  test('a 401 is the same everywhere and says where to sign in', () => {
    for (const service of ['identity', 'compute', 'image', 'network', 'volume', 'placement'] as const) {
      expect(fault(service, failure(new CloudError('unauthenticated', 'expired')))).toEqual({
        status: 401,
        headers: { 'www-authenticate': 'Keystone uri="http://cloud.example/identity"' },
        body: {
          error: {
            code: 401,
            title: 'Unauthorized',
            message: 'The request you have made requires authentication.',
          },
        },
      });
    }
  });

  test('a quota that does not suffice has another status in each service', () => {
    const error = new CloudError('quota_exceeded', 'Quota exceeded', { reason: 'instances' });
    const of = (service: 'compute' | 'volume' | 'network' | 'image') => fault(service, failure(error));
    expect(of('compute')).toMatchObject({ status: 403, body: { forbidden: { code: 403 } } });
    expect(of('volume')).toMatchObject({ status: 413, body: { overLimit: { code: 413, retryAfter: '0' } } });
    expect(of('network')).toMatchObject({ status: 409, body: { NeutronError: { type: 'OverQuota' } } });
    expect(of('image').status).toBe(413);
  });

  test('refusals by policy are in the words of the service', () => {
    const error = new CloudError('forbidden', "Policy doesn't allow ListUsers to be performed.", {
      reason: 'ListUsers',
    });
    expect(fault('identity', failure(error)).body).toMatchObject({
      error: { message: 'You are not authorized to perform the requested action: identity:list_users.' },
    });
    expect(fault('network', failure(error)).body).toMatchObject({
      NeutronError: { type: 'PolicyNotAuthorized', message: '(rule:list_users) is disallowed by policy' },
    });
    expect(fault('compute', failure(error)).body).toMatchObject({ forbidden: { message: error.message } });
  });

  test('the reason of a conflict is the type of a Neutron error', () => {
    const error = new CloudError('conflict', 'in use', { reason: 'network_in_use' });
    expect(fault('network', failure(error)).body).toMatchObject({ NeutronError: { type: 'NetworkInUse' } });
  });

  test('what no operation has, and what went wrong inside', () => {
    expect(fault('compute', failure(new NoSuchOperation('method', 'no'))).body).toMatchObject({
      badMethod: { code: 405 },
    });
    expect(fault('compute', failure(new NoSuchOperation('bodyKey', 'dance'))).body).toEqual({
      badRequest: { code: 400, message: 'There is no such action: dance' },
    });
    const inside = fault('compute', failure(new UnexpectedError(new Error('secret'))));
    expect(inside.status).toBe(500);
    expect(JSON.stringify(inside.body)).not.toContain('secret');
    expect(inside.body).toMatchObject({ computeFault: { code: 500 } });
  });
});

describe('validation messages', () => {
  const required = new InvalidRequest('body', 'server.name', '', 'required', { missingProperty: 'name' }, { a: null });
  const messageOf = (service: Parameters<typeof fault>[0], one: Failure) => {
    const body = fault(service, one).body as Record<string, { message: string }>;
    return Object.values(body)[0]!.message;
  };

  test("say what Python's jsonschema says", () => {
    expect(messageOf('compute', failure(required))).toBe(
      "Invalid input for field/attribute server. Value: {'a': None}. 'name' is a required property",
    );
    const top = new InvalidRequest('body', 'auth', '', 'required', { missingProperty: 'auth' }, {});
    expect(messageOf('identity', failure(top))).toBe("'auth' is a required property");
    const extra = new InvalidRequest(
      'body',
      'server.x.y',
      '',
      'additionalProperties',
      { additionalProperty: 'x.y' },
      {},
    );
    expect(messageOf('compute', failure(extra))).toBe(
      "Invalid input for field/attribute server. Value: {}. Additional properties are not allowed ('x.y' was unexpected)",
    );
    const length = new InvalidRequest('body', 'server.name', '', 'maxLength', { limit: 2 }, 'abc');
    expect(messageOf('volume', failure(length))).toBe(
      "Invalid input for field/attribute name. Value: abc. 'abc' is too long",
    );
    const query = new InvalidRequest('query', 'limit', '', 'pattern', { pattern: '^[0-9]*$' }, '-1');
    expect(messageOf('compute', failure(query))).toBe(
      "Invalid input for query parameters limit. Value: -1. '-1' does not match '^[0-9]*$'",
    );
    const type = new InvalidRequest('body', 'user.name', '', 'type', { type: 'string' }, 1);
    expect(messageOf('identity', failure(type))).toBe("Invalid input for field 'user/name': 1 is not of type 'string'");
  });

  test("count an action's key as part of the path", () => {
    const error = new InvalidRequest('body', 'imageRef', '', 'required', { missingProperty: 'imageRef' }, {});
    const words = "Invalid input for field/attribute rebuild. Value: {}. 'imageRef' is a required property";
    expect(messageOf('compute', failure(error, {}, 'rebuild'))).toBe(words);
    expect(messageOf('compute', failure(error, { body: { rebuild: {} } }))).toBe(words);
  });

  test("are Neutron's own for networks", () => {
    const unknown = new InvalidRequest(
      'body',
      'network.x',
      '',
      'additionalProperties',
      { additionalProperty: 'x' },
      {},
    );
    expect(messageOf('network', failure(unknown))).toBe("Unrecognized attribute(s) 'x'");
  });

  test('do not repeat what is endless', () => {
    const long = new InvalidRequest('body', 'server.name', '', 'maxLength', { limit: 2 }, 'a'.repeat(100_000));
    expect(messageOf('compute', failure(long)).length).toBeLessThan(3000);
  });

  test('bodies that are no JSON', () => {
    const error = new InvalidRequest('body', '', 'Unexpected end', 'json');
    expect(messageOf('compute', failure(error))).toBe('Malformed request body');
  });
});

describe('times', () => {
  const micros = Date.UTC(2026, 0, 31, 10, 0, 0) * 1000 + 42;

  test('have three forms', () => {
    expect(isoSeconds(micros)).toBe('2026-01-31T10:00:00Z');
    expect(isoMicros(micros)).toBe('2026-01-31T10:00:00.000042');
    expect(isoMicrosZ(micros)).toBe('2026-01-31T10:00:00.000042Z');
  });

  test.each([
    ['2026-01-31T10:00:00.000042Z', micros],
    ['2026-01-31T10:00:00.000042', micros],
    ['2026-01-31 10:00:00', micros - 42],
    ['2026-01-31T10:00', micros - 42],
    ['2026-01-31T19:00:00+09:00', micros - 42],
    ['2026-01-31T19:00:00+0900', micros - 42],
    ['2026-01-31', micros - 42 - 36e9],
    ['31 January', undefined],
    ['2026-13-31T10:00:00', undefined],
    ['2026-02-30', undefined],
    ['2026-02-30T10:00:00Z', undefined],
  ])('reads %s', (text, expected) => expect(parseTime(text)).toBe(expected));
});

describe('microversions', () => {
  const compute: MicroversionedService = {
    type: 'compute',
    legacyHeader: 'X-OpenStack-Nova-API-Version',
    min: { major: 2, minor: 1 },
    max: { major: 2, minor: 96 },
  };
  const asked = (headers: Record<string, string>) => requestedMicroversion(compute, { headers } as FastifyRequest);

  test('come from either header; none is the lowest, latest the highest', () => {
    expect(asked({})).toEqual({ major: 2, minor: 1 });
    expect(asked({ 'openstack-api-version': 'compute 2.27' })).toEqual({ major: 2, minor: 27 });
    expect(asked({ 'openstack-api-version': 'volume 3.1, compute 2.30' })).toEqual({ major: 2, minor: 30 });
    expect(asked({ 'openstack-api-version': 'volume 3.1' })).toEqual({ major: 2, minor: 1 });
    expect(asked({ 'x-openstack-nova-api-version': '2.9' })).toEqual({ major: 2, minor: 9 });
    expect(asked({ 'openstack-api-version': 'compute latest' })).toEqual({ major: 2, minor: 96 });
  });

  test('are 400 when malformed and 406 when out of range', () => {
    expect(() => asked({ 'openstack-api-version': 'compute two' })).toThrow('is of invalid format');
    try {
      asked({ 'openstack-api-version': 'compute 2.999' });
      expect.unreachable();
    } catch (error) {
      expect(fault('compute', failure(error as CloudError))).toMatchObject({
        status: 406,
        body: {
          computeFault: {
            code: 406,
            message: 'Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.96.',
          },
        },
      });
    }
  });

  test('are told in both headers, and compared as numbers', () => {
    const context = { microversion: asked({ 'openstack-api-version': 'compute 2.10' }) };
    expect(microversionHeaders(compute, context)).toEqual({
      'OpenStack-API-Version': 'compute 2.10',
      'X-OpenStack-Nova-API-Version': '2.10',
      vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
    });
    expect(atLeast(context, 2, 9)).toBe(true);
    expect(atLeast(context, 2, 10)).toBe(true);
    expect(atLeast(context, 2, 11)).toBe(false);
    expect(atLeast({}, 2, 1)).toBe(false);
  });
});

describe('paging', () => {
  test('has limits of its own in each service', () => {
    expect(pageOf('compute', {})).toEqual({ limit: 1000, marker: undefined });
    expect(pageOf('compute', { limit: '5000', marker: 'x' })).toEqual({ limit: 1000, marker: 'x' });
    expect(pageOf('image', {}).limit).toBe(25);
    expect(pageOf('image', { limit: '0' }).limit).toBe(0);
    expect(pageOf('compute', { limit: '0' }).limit).toBe(0);
    expect(pageOf('network', {}).limit).toBeUndefined();
    expect(pageOf('network', { limit: ['1', '2'] }).limit).toBe(2);
    expect(pageOf('compute', { limit: '9'.repeat(20) }).limit).toBe(1000);
    expect(pageOf('network', { limit: '9'.repeat(20) }).limit).toBe(10 ** 15);
    expect(() => pageOf('volume', { limit: '-1' })).toThrow('limit must be >= 0');
    expect(() => pageOf('network', { limit: 'x' })).toThrow("Limit must be an integer 0 or greater and not 'x'");
  });

  test('links to the next page while pages are full', () => {
    const request = { origin: 'http://c', url: '/compute/v2.1/servers?limit=1&marker=a&name=x%26y' };
    expect(nextLinks('servers', [{ id: 'b' }], { limit: 1, marker: 'a' }, request)).toEqual({
      servers_links: [{ rel: 'next', href: 'http://c/compute/v2.1/servers?limit=1&name=x%26y&marker=b' }],
    });
    expect(nextLinks('servers', [], { limit: 1, marker: 'a' }, request)).toEqual({});
    expect(nextPageUrl('', '/v2/images', 'b')).toBe('/v2/images?marker=b');
  });
});

describe('the rest', () => {
  test('links have a version, bookmarks none', () => {
    expect(resourceLinks(`http://c/compute/v2.1/${id}`, 'servers/1')).toEqual([
      { rel: 'self', href: `http://c/compute/v2.1/${id}/servers/1` },
      { rel: 'bookmark', href: `http://c/compute/${id}/servers/1` },
    ]);
    expect(bookmark('http://c/compute/v2.1', 'flavors/1').href).toBe('http://c/compute/flavors/1');
  });

  test('a project in the URL must be the one of the token', () => {
    const request = (project_id: string) => ({ params: { project_id } }) as unknown as FastifyRequest;
    const subject = { projectId: id } as Subject;
    requireOwnProjectInUrl('compute', request(id), subject);
    requireOwnProjectInUrl('compute', request(dashed), subject);
    expect(() => requireOwnProjectInUrl('compute', request('x'), subject)).toThrow(
      `Malformed request URL: URL's project_id 'x' doesn't match Context's project_id '${id}'`,
    );
  });

  test("values look as Python's repr prints them", () => {
    expect(pythonRepr({ a: [1, true, null, 'x', "it's"] })).toBe(`{'a': [1, True, None, 'x', "it's"]}`);
  });
});
